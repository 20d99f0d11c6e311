// What can happen often and is told to the audit log, in the words of a request.
#include "api/request/api.h"
#include "api/request/request.h"
#include "platform/program/clock.h"

const char *actor_name(enum actor actor) {
    static const char *const NAMES[] = {
        [ACTOR_NOBODY] = "nobody", [ACTOR_PERSON] = "person", [ACTOR_APPLICATION] = "application"};
    return NAMES[actor];
}

void request_tally(struct request *r, enum tally_kind kind, const char *org,
                   const char *object_kind, const char *object) {
    bool nobody = r->who.actor == ACTOR_NOBODY;
    tally_add(r->loop->tally,
              &(struct tally_row){
                  .kind = kind,
                  .org = org,
                  .actor_kind = actor_name(r->who.actor),
                  .actor = nobody ? r->job->client : r->who.subject,
                  .actor_org = nobody ? NULL : r->who.org,
                  .object_kind = object_kind,
                  .object = object,
                  .address = r->job->client,
                  .operation = r->route != NULL ? r->route->operation : NULL,
                  .query = kind == TALLY_READ && r->job->query.len > 0
                               ? arena_str(r->arena, r->job->query)
                               : NULL,
              },
              clock_system_us());
}
