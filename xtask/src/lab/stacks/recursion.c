/* Resets a connection of its own, DEPTH calls below main. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
__attribute__((noinline, noclone)) int descend(int fd, int depth)
{
    volatile int left = depth;
    if (left > 0)
        return descend(fd, left - 1) + left;
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return close(fd);
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
    return descend(fd, DEPTH) < 0;
}
