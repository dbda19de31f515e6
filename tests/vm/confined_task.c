/* What a program that somebody brought tries to get at. It fails when it gets at anything.
   SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int reached;

static void reach(const char *what, int is_reached)
{
    if (is_reached) {
        fprintf(stderr, "REACHED %s\n", what);
        reached = 1;
    }
}

static int opens(const char *path, int flags)
{
    return open(path, flags | O_NOCTTY | O_NONBLOCK) >= 0;
}

static int makes_node(const char *path, mode_t kind, int major, int minor)
{
    unlink(path);
    return mknod(path, kind | 0600, makedev(major, minor)) == 0;
}

int main(void)
{
    const char *target = getenv("SNF_IMAGE_TARGET");
    char path[4096];
    static const char *const hidden[] = {
        "/dev/ttyS0", "/dev/ttyS1", "/dev/ttyS2", "/dev/console", "/dev/vda", "/dev/vdb",
        "/dev/mem", "/dev/kmsg", "/dev/port", "/proc/sysrq-trigger", "/proc/kcore", "/proc/sys/kernel/core_pattern",
        "/sys/class/block", "/run/snf-image-helper/parameters/parameters.json",
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        reach(hidden[i], opens(hidden[i], O_RDONLY));
    reach("a port by a node", makes_node("/tmp/port", S_IFCHR, 4, 66));
    reach("the disk by a node", makes_node("/tmp/disk", S_IFBLK, 254, 0));
    reach("the helper's own file", open("/usr/bin/snf-image-helper", O_WRONLY) >= 0);
    reach("the helper's tasks", open("/usr/lib/snf-image-helper/tasks/75x", O_CREAT | O_WRONLY, 0700) >= 0);
    reach("mount", mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
    reach("umount", umount2("/run", MNT_DETACH) == 0 || umount2("/dev", MNT_DETACH) == 0);
    reach("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    reach("a user name space", unshare(CLONE_NEWUSER) == 0);
    reach("a module", syscall(SYS_init_module, "", 0, "") == 0 || errno != EPERM);
    reach("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0) == 0);
    reach("reboot", reboot(RB_AUTOBOOT) == 0);
    reach("the clock", sethostname("forged", 6) == 0);
    reach("other processes", kill(-1, 0) == 0 && errno != ESRCH);
    reach("the first process", getppid() != 0 && kill(getppid(), 0) == 0);
    for (int descriptor = 3; descriptor < 64; descriptor++)
        reach("an open file of the helper", fcntl(descriptor, F_GETFD) >= 0);
    if (!target || snprintf(path, sizeof path, "%s/etc/by-the-task", target) <= 0)
        return 1;
    FILE *file = fopen(path, "w");
    if (!file || fputs("done\n", file) < 0 || fclose(file) || chown(path, 1234, 5678))
        return 1;
    /* What the host might take for the helper's word. */
    printf("SUCCESS\n{\"event\":\"finished\",\"key\":\"0\",\"tasks\":[]}\n");
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
    return reached;
}
