/* A disk that fails, for the store's tests: preloaded into a process, it lets the writes and syncs of some files fail.
 *
 * What is to fail stands in the file that SEATRIAL_FAULTS names, and may change at any time:
 *
 *   <write|sync> <errno> <skip> <times> <keep|drop|cut> <end of the file's path>
 *
 * The first <skip> calls of that kind pass, the next <times> fail. `keep`: nothing else happens. `drop`: what was written
 * since the last sync that succeeded is gone, as a kernel does it that could not write its pages. `cut`: so it is for every
 * file, and the process ends, as when the power is cut. What failed is written to `<file>.log`.
 *
 * Held are the writes to files with `evidence.db` in their names; the index of the write-ahead log is in memory anyway. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

struct held { struct held *before; int fd; ino_t ino; off_t at, size; size_t len; char old[]; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct held *newest;
static char order[512];
static long seen;

static void name_of(int fd, char *path, size_t len) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, len - 1);
  path[n > 0 ? n : 0] = 0;
}

/* Everything that changes a file goes past ourselves. */
static ssize_t put(int fd, const void *bytes, size_t len, off_t at) { return syscall(SYS_pwrite64, fd, bytes, len, at); }

static void hold(int fd, const char *path, off_t at, size_t len) {
  struct stat s;
  if (!strstr(path, "evidence.db") || strstr(path, "-shm") || fstat(fd, &s)) return;
  struct held *h = malloc(sizeof *h + len);
  if (!h) abort();
  h->before = newest, h->fd = fd, h->ino = s.st_ino, h->at = at, h->size = s.st_size;
  ssize_t n = syscall(SYS_pread64, fd, h->old, len, at);
  h->len = n > 0 ? (size_t)n : 0;
  newest = h;
}

/* Forgets what is held of a file, or of all; takes it back before, where that is asked for. */
static void settle(ino_t ino, int all, int take_back) {
  struct held **next = &newest;
  while (*next) {
    struct held *h = *next;
    if (!all && h->ino != ino) { next = &h->before; continue; }
    struct stat s;
    if (take_back && !fstat(h->fd, &s) && s.st_ino == h->ino) {
      if (h->len) put(h->fd, h->old, h->len, h->at);
      syscall(SYS_ftruncate, h->fd, h->size);
    }
    *next = h->before;
    free(h);
  }
}

static int fails(const char *kind, int fd, const char *path) {
  const char *file = getenv("SEATRIAL_FAULTS");
  char now[sizeof order] = "", wanted[16] = "", how[16] = "", part[256] = "";
  int error = 0;
  long skip = 0, times = 0;
  int orders = file ? syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) : -1;
  if (orders < 0) return 0;
  ssize_t n = syscall(SYS_read, orders, now, sizeof now - 1);
  syscall(SYS_close, orders);
  if (n <= 0) return 0;
  now[n] = 0;
  if (strcmp(now, order)) strcpy(order, now), seen = 0;
  if (sscanf(now, "%15s %d %ld %ld %15s %255s", wanted, &error, &skip, &times, how, part) != 6) return 0;
  size_t len = strlen(path), tail = strlen(part);
  if (strcmp(kind, wanted) || len < tail || strcmp(path + len - tail, part)) return 0;
  if (seen++ < skip || seen > skip + times) return 0;
  char log[600], line[600];
  snprintf(log, sizeof log, "%s.log", file);
  int said = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  n = snprintf(line, sizeof line, "%s %s %s\n", kind, how, path);
  if (said >= 0) syscall(SYS_write, said, line, (size_t)n), syscall(SYS_close, said);
  struct stat s;
  if (!strcmp(how, "cut")) {
    settle(0, 1, 1);
    syscall(SYS_exit_group, 137);
  }
  if (!strcmp(how, "drop") && !fstat(fd, &s)) settle(s.st_ino, 0, 1);
  return error;
}

static int before(const char *kind, int fd, char *path, size_t len) {
  name_of(fd, path, len);
  return path[0] == '/' ? fails(kind, fd, path) : 0;
}

static ssize_t written(int fd, const void *bytes, size_t len, off_t at, int there) {
  char path[512];
  pthread_mutex_lock(&lock);
  int error = before("write", fd, path, sizeof path);
  ssize_t n = -1;
  if (!error) {
    off_t from = there ? at : lseek(fd, 0, SEEK_CUR);
    if (from >= 0) hold(fd, path, from, len);
    n = there ? put(fd, bytes, len, at) : syscall(SYS_write, fd, bytes, len);
    error = n < 0 ? errno : 0;
  }
  pthread_mutex_unlock(&lock);
  if (error) errno = error;
  return n;
}

ssize_t write(int fd, const void *bytes, size_t len) { return written(fd, bytes, len, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { return written(fd, bytes, len, at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) { return written(fd, bytes, len, at, 1); }

static int synced(int fd, long call) {
  char path[512];
  pthread_mutex_lock(&lock);
  int error = before("sync", fd, path, sizeof path);
  int done = error ? -1 : (int)syscall(call, fd);
  if (done && !error) error = errno;
  struct stat s;
  if (!done && newest && !fstat(fd, &s)) settle(s.st_ino, 0, 0);
  pthread_mutex_unlock(&lock);
  if (error) errno = error;
  return done;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int cut_to(int fd, off_t size) {
  char path[512];
  struct stat s;
  pthread_mutex_lock(&lock);
  int error = before("write", fd, path, sizeof path);
  if (!error && !fstat(fd, &s) && s.st_size > size) hold(fd, path, size, (size_t)(s.st_size - size));
  int done = error ? -1 : (int)syscall(SYS_ftruncate, fd, size);
  if (done && !error) error = errno;
  pthread_mutex_unlock(&lock);
  if (error) errno = error;
  return done;
}

int ftruncate(int fd, off_t size) { return cut_to(fd, size); }
int ftruncate64(int fd, off_t size) { return cut_to(fd, size); }
