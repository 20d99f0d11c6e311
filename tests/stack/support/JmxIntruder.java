import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/** JmxIntruder PORT [USER PASSWORD-FILE]: says how far one gets on the way to code of one's own in the server. */
public class JmxIntruder {
    public static void main(String[] args) throws Exception {
        var url = new JMXServiceURL("service:jmx:rmi:///jndi/rmi://127.0.0.1:" + args[0] + "/jmxrmi");
        Map<String, Object> how = args.length < 3 ? Map.of() : Map.of(
            JMXConnector.CREDENTIALS, new String[] {args[1], Files.readString(Path.of(args[2])).strip()});
        try (var connector = JMXConnectorFactory.connect(url, how)) {
            var server = connector.getMBeanServerConnection();
            server.getMBeanCount();
            System.out.println("reads");
            try {
                server.createMBean("javax.management.loading.MLet", new ObjectName("intruder:type=MLet"));
                System.out.println("loads code");
            } catch (SecurityException refused) {
                System.out.println("loads no code");
            }
        } catch (SecurityException refused) {
            System.out.println("refused");
        }
    }
}
