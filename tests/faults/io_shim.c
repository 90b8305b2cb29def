/* Preloaded into one process: while a file of orders is there, its writes or syncs below a folder fail, or lie.
 *
 * GATEHOUSE_SHIM names the orders: "sync fail", "write fail" or "sync lie". GATEHOUSE_SHIM_FOLDER is the folder.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int is_below(int fd, const char *folder)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* 0: do as asked; 1: fail with EIO; 2: do nothing and say that it is done. */
static int ordered(int fd, const char *call)
{
    const char *orders = getenv("GATEHOUSE_SHIM"), *folder = getenv("GATEHOUSE_SHIM_FOLDER");
    char said[32] = "";
    int file = orders && folder ? open(orders, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = read(file, said, sizeof said - 1);
    close(file);
    if (length <= 0 || strncmp(said, call, strlen(call)) != 0 || !is_below(fd, folder))
        return 0;
    return strstr(said, "lie") ? 2 : 1;
}

static int synced(int fd, long number)
{
    int order = ordered(fd, "sync");
    if (order == 1) {
        errno = EIO;
        return -1;
    }
    return order == 2 ? 0 : (int)syscall(number, fd);
}

int fsync(int fd) { return synced(fd, SYS_fsync); }

int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

ssize_t pwrite64(int fd, const void *body, size_t count, off64_t offset)
{
    if (ordered(fd, "write")) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, body, count, offset);
}

ssize_t pwrite(int fd, const void *body, size_t count, off_t offset) { return pwrite64(fd, body, count, offset); }
