/* Ends connections of its own over loopback. For each line read, "r N" or "f N", it makes N
 * connections, one after the other, ends them by a reset or by FINs, and answers with a line.
 * Each next one is closed by another function, so that there are 64 stacks. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define SITE(n) \
    static __attribute__((noinline)) void site_##n(int fd) \
    { \
        close(fd); \
        __asm__ volatile("" ::"i"(0##n)); \
    }
#define EIGHT(n) SITE(n##0) SITE(n##1) SITE(n##2) SITE(n##3) SITE(n##4) SITE(n##5) SITE(n##6) SITE(n##7)
EIGHT(0) EIGHT(1) EIGHT(2) EIGHT(3) EIGHT(4) EIGHT(5) EIGHT(6) EIGHT(7)

#define NAME(n) site_##n
#define NAMES(n) \
    NAME(n##0), NAME(n##1), NAME(n##2), NAME(n##3), NAME(n##4), NAME(n##5), NAME(n##6), NAME(n##7)
static void (*const sites[])(int) = {NAMES(0), NAMES(1), NAMES(2), NAMES(3),
                                     NAMES(4), NAMES(5), NAMES(6), NAMES(7)};

static int end_one(int listener, const struct sockaddr_in *to, int reset, void (*hang_up)(int))
{
    char byte = 0;
    int here = socket(AF_INET, SOCK_STREAM, 0);
    if (here < 0 || connect(here, (const void *)to, sizeof *to) != 0)
        return -1;
    int there = accept(listener, NULL, NULL);
    if (there < 0)
        return -1;
    struct pollfd arrival = {.fd = there, .events = POLLIN};
    if (reset) {
        if (write(here, &byte, 1) != 1 || poll(&arrival, 1, -1) != 1)
            return -1;
        hang_up(there);
        (void)!read(here, &byte, 1);
        close(here);
    } else {
        hang_up(here);
        if (read(there, &byte, 1) != 0)
            return -1;
        hang_up(there);
    }
    return 0;
}

int main(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), count;
    char how;
    if (bind(listener, (void *)&to, size) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (void *)&to, &size) != 0)
        return 1;
    while (scanf(" %c %d", &how, &count) == 2) {
        for (int each = 0; each < count; each++)
            if (end_one(listener, &to, how == 'r', sites[each % 64]) != 0) {
                perror("a connection");
                return 1;
            }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
