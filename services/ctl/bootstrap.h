// weirctl bootstrap: the marketplace, its operator and the first credentials.
#ifndef WEIR_CTL_BOOTSTRAP_H
#define WEIR_CTL_BOOTSTRAP_H

int bootstrap_command(int argc, char **argv);

#endif
