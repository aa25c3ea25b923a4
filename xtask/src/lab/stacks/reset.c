/* Resets a connection of its own, out of a function put into another one. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
static inline __attribute__((always_inline)) void hang_up(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}
__attribute__((noinline)) void end_it(int fd)
{
    hang_up(fd);
    __asm__ volatile("");
}
int main(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (void *)&to, size);
    listen(listener, 1);
    getsockname(listener, (void *)&to, &size);
    connect(fd, (void *)&to, size);
    puts("connected");
    fflush(stdout);
    getchar();
    end_it(fd);
    return 0;
}
