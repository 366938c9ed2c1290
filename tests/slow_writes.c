/*
 * A slow disk, for a test that preloads this (LD_PRELOAD): from the first write to a file
 * SLOW_WRITES_FOLDER/....part on, such writes wait until SLOW_WRITES_SECONDS are over. Everything
 * else passes through. SLOW_WRITES_REPORT gets a line when that begins and one when it ends: the
 * process, the time in milliseconds, and what /proc/self/statm says of its memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void report(void)
{
    char pages[128] = "", line[192];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    int out = open(getenv("SLOW_WRITES_REPORT"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (statm < 0 || out < 0 || read(statm, pages, sizeof pages - 1) < 1)
        abort();
    long long milliseconds = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    int length = snprintf(line, sizeof line, "%d %lld %s", getpid(), milliseconds, pages);
    if (syscall(SYS_write, out, line, length) != length)
        abort();
    close(statm);
    close(out);
}

static void block(void)
{
    struct timespec left = {atoi(getenv("SLOW_WRITES_SECONDS")), 0};
    report();
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    report();
}

/* Others that write meanwhile wait in pthread_once until it is over. */
static void wait_for(int file)
{
    const char *folder = getenv("SLOW_WRITES_FOLDER");
    char link[64], path[4096];
    if (folder == NULL)
        return;
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t below = strlen(folder);
    if (length > (ssize_t)below + 5) {
        path[length] = 0;
        if (!strncmp(path, folder, below) && path[below] == '/' && !strcmp(path + length - 5, ".part"))
            pthread_once(&once, block);
    }
    errno = kept;
}

ssize_t write(int file, const void *bytes, size_t n)
{
    wait_for(file);
    return syscall(SYS_write, file, bytes, n);
}

ssize_t writev(int file, const struct iovec *pieces, int n)
{
    wait_for(file);
    return syscall(SYS_writev, file, pieces, n);
}
