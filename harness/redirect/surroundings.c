/* Saving and restoring what a program may change of the whole process. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect/surroundings.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redirect/task.h"

static int open_folder(void)
{
    int low = open(".", O_PATH | O_CLOEXEC);
    int high = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, REDIRECT_REAL_MIN);
    if (high < 0) {
        return low;
    }
    (void)close(low);
    return high;
}

enum status redirect_surroundings_save(struct redirect_surroundings *surroundings,
                                       struct status_detail *detail)
{
    *surroundings = (struct redirect_surroundings){.environment = environ, .folder = -1};
    while (environ[surroundings->environment_count++] != NULL) {
    }
    surroundings->environment_saved =
        malloc(surroundings->environment_count * sizeof surroundings->environment_saved[0]);
    surroundings->locale = strdup(setlocale(LC_ALL, NULL));
    if (surroundings->environment_saved == NULL || surroundings->locale == NULL) {
        redirect_surroundings_done(surroundings);
        return status_fail(detail, STATUS_NO_MEMORY, "no memory for the environment");
    }
    memcpy(surroundings->environment_saved, environ,
           surroundings->environment_count * sizeof surroundings->environment_saved[0]);
    surroundings->folder = open_folder();
    surroundings->mask = umask(0);
    (void)umask(surroundings->mask);
    return STATUS_OK;
}

void redirect_surroundings_restore(const struct redirect_surroundings *surroundings, unsigned dirty)
{
    if ((dirty & REDIRECT_DIRTY_ENVIRONMENT) != 0 || environ != surroundings->environment) {
        /* unsetenv works in place, setenv elsewhere: both the array and the pointer to it go back.
         */
        memcpy(surroundings->environment, surroundings->environment_saved,
               surroundings->environment_count * sizeof surroundings->environment_saved[0]);
        environ = surroundings->environment;
    }
    if ((dirty & REDIRECT_DIRTY_LOCALE) != 0) {
        (void)setlocale(LC_ALL, surroundings->locale);
    }
    if ((dirty & REDIRECT_DIRTY_FOLDER) != 0 && surroundings->folder >= 0) {
        (void)!fchdir(surroundings->folder);
    }
    if ((dirty & REDIRECT_DIRTY_UMASK) != 0) {
        (void)umask(surroundings->mask);
    }
}

void redirect_surroundings_done(struct redirect_surroundings *surroundings)
{
    free(surroundings->environment_saved);
    free(surroundings->locale);
    if (surroundings->folder >= 0) {
        (void)close(surroundings->folder);
    }
    *surroundings = (struct redirect_surroundings){.folder = -1};
}
