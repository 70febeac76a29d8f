/* What a target uses now, over all its processes: CPU time, descriptors, memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "linux/tracer_internal.h"

enum { LINE = 512, KIB = 1024 };

int64_t linux_tracer_cpu_us(const struct linux_tracer *tracer)
{
    int64_t us = tracer->cpu_gone_us;
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        struct timespec used = {0};
        clockid_t clock;
        if (clock_getcpuclockid(process->pid, &clock) == 0 && clock_gettime(clock, &used) == 0) {
            us += used.tv_sec * INT64_C(1000000) + used.tv_nsec / 1000;
        }
    }
    return us;
}

static int entries(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    for (const struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}

int linux_tracer_descriptors(const struct linux_tracer *tracer)
{
    int count = 0;
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        char path[64];
        struct stat folder;
        (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)process->pid);
        /* Kernels from 6.2 on give the number as the folder's size. */
        if (stat(path, &folder) == 0) {
            count += folder.st_size > 0 ? (int)folder.st_size : entries(path);
        }
    }
    return count;
}

int linux_tracer_held(const struct linux_tracer *tracer, enum trace_file kind)
{
    int count = 0;
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        for (int fd = 0; fd < process->slots_size; fd++) {
            const struct tracer_file *file = process->slots[fd].file;
            bool is_it = file != NULL && file->kind == kind;
            count += is_it && (kind != TRACE_FILE_SOCKET || file->conn != 0);
        }
    }
    return count;
}

bool linux_tracer_was_full(const struct linux_tracer *tracer)
{
    return tracer->full;
}

/* ---- Memory ----
 *
 * Resident memory as a whole tells nothing of leaks: a heap that is collected now and then grows
 * like one that leaks, until it is. What does tell: memory that the kernel was asked for (VmData),
 * in which a collected heap takes large steps and then none for long; of the C library's heap
 * (brk), which grows in large steps too, the pages that are in use. */

static FILE *proc_file(const struct tracer_process *process, const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)process->pid, name);
    return fopen(path, "re");
}

/* Code that no file holds: it was made by a compiler at run time, and the program's heap is
 * collected when that sees fit. */
static bool is_made_code(const char *line)
{
    char permissions[8] = "";
    char path[LINE] = "";
    unsigned long inode = 0;
    int fields = sscanf(line, "%*s %7s %*s %*s %lu %511s", permissions, &inode, path);
    return fields >= 2 && permissions[2] == 'x' &&
           (inode == 0 ? strncmp(path, "[v", 2) != 0 : strncmp(path, "/memfd:", 7) == 0);
}

static bool makes_code(const struct tracer_process *process)
{
    char line[LINE];
    bool makes = false;
    FILE *maps = proc_file(process, "maps");
    while (maps != NULL && !makes && fgets(line, sizeof line, maps) != NULL) {
        makes = is_made_code(line);
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return makes;
}

/* Of the C library's heap: bytes that were asked for and are not in use. The file is read no
 * further than that heap. */
static int64_t heap_unused(const struct tracer_process *process)
{
    char line[LINE];
    uint64_t begin = 0;
    uint64_t end = 0;
    int64_t resident = -1;
    bool inside = false;
    FILE *maps = proc_file(process, "smaps");
    while (maps != NULL && resident < 0 && fgets(line, sizeof line, maps) != NULL) {
        if (inside) {
            (void)(sscanf(line, "Rss: %" SCNd64, &resident) == 1);
        } else if (strstr(line, " [heap]") != NULL) {
            inside = sscanf(line, "%" SCNx64 "-%" SCNx64, &begin, &end) == 2;
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return resident < 0 ? 0 : (int64_t)(end - begin) - resident * KIB;
}

/* A line of /proc/PID/status that is in kB, as bytes; 0 where there is none. */
static int64_t status_of(const struct tracer_process *process, const char *name)
{
    char line[LINE];
    int64_t kib = 0;
    FILE *status = proc_file(process, "status");
    bool found = false;
    while (!found && status != NULL && fgets(line, sizeof line, status) != NULL) {
        found = strncmp(line, name, strlen(name)) == 0;
        kib = found ? strtoll(line + strlen(name), NULL, 10) : 0;
    }
    if (status != NULL) {
        (void)fclose(status);
    }
    return kib * KIB;
}

static int64_t held_by(const struct tracer_process *process)
{
    return status_of(process, "VmData:") - heap_unused(process);
}

static int64_t resident_of(const struct tracer_process *process)
{
    return status_of(process, "RssAnon:");
}

static int64_t sum_of(const struct linux_tracer *tracer,
                      int64_t (*of)(const struct tracer_process *process))
{
    int64_t bytes = 0;
    for (const struct tracer_process *process = tracer->processes; process != NULL;
         process = process->next) {
        if (makes_code(process)) {
            return -1;
        }
        bytes += of(process);
    }
    return bytes;
}

int64_t linux_tracer_memory(const struct linux_tracer *tracer)
{
    return sum_of(tracer, held_by);
}

int64_t linux_tracer_resident(const struct linux_tracer *tracer)
{
    return sum_of(tracer, resident_of);
}
