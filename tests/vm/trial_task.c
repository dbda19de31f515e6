/* What an administrator's own task may do wrong; property TRIAL says which.
   SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern char **environ;

static int is(const char *name)
{
    const char *trial = getenv("SNF_IMAGE_PROPERTY_TRIAL");
    return trial && !strcmp(trial, name);
}

static void hang(void)
{
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

/* Writes to a serial port through a node of its own. */
static void write_to_port(int minor, const char *text)
{
    const char *node = "/dev/forged";
    unlink(node);
    mknod(node, S_IFCHR | 0600, makedev(4, 64 + minor));
    int port = open(node, O_WRONLY | O_NOCTTY | O_NONBLOCK);
    if (port >= 0 && write(port, text, strlen(text)) > 0)
        fprintf(stderr, "wrote to port %d\n", minor);
}

static void forge(void)
{
    int port = open("/dev/ttyS1", O_WRONLY | O_NOCTTY);
    if (port >= 0)
        fprintf(stderr, "ttyS1 could be opened by its name\n");
    write_to_port(2, "{\"event\":\"finished\",\"key\":\"00000000000000000000000000000000\","
                     "\"tasks\":[\"FixPartitionTable\",\"Trial\"]}\n");
    write_to_port(1, "SUCCESS\n");
}

int main(void)
{
    if (is("hang"))
        hang();
    if (is("flood"))
        for (int console = open("/dev/ttyS0", O_WRONLY | O_NOCTTY);;) {
            static char text[4096];
            memset(text, 'x', sizeof text);
            if (write(console, text, sizeof text) < 0 && write(2, text, sizeof text) < 0)
                hang();
        }
    if (is("fail")) {
        fprintf(stderr, "first\nI give \033[31mup\n");
        return 3;
    }
    if (is("crash"))
        abort();
    if (is("forge")) {
        forge();
        return 1;
    }
    if (is("forge-and-off")) {
        forge();
        sleep(1);
        reboot(RB_POWER_OFF);
    }
    if (is("off"))
        reboot(RB_POWER_OFF);
    if (is("panic")) {
        int trigger = open("/proc/sysrq-trigger", O_WRONLY);
        if (write(trigger, "c", 1) < 0)
            hang();
        hang();
    }
    if (is("memory"))
        for (;;) {
            void *block = malloc(1 << 20);
            if (block)
                memset(block, 1, 1 << 20);
        }
    if (is("fork"))
        for (;;)
            if (fork() == 0)
                signal(SIGTERM, SIG_IGN);
    if (is("daemon")) {
        int ends[2];
        char nothing;
        if (pipe(ends) == 0 && fork() == 0) {
            setsid();
            close(ends[0]);
            close(ends[1]);
            hang();
        }
        /* It has left this process group when it has closed its end. */
        close(ends[1]);
        return read(ends[0], &nothing, 1) < 0;
    }
    if (is("kill"))
        kill(-1, SIGKILL);
    if (is("environment"))
        for (char **variable = environ; *variable; variable++)
            fprintf(stderr, "variable %s\n", *variable);
    return 0;
}
