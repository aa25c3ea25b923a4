/* Resets a connection of its own out of code made while it runs, which only a map of perf's names. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
/* push %rbp; mov %rsp,%rbp; mov $3 (close),%eax; syscall; pop %rbp; ret */
static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xb8, 3, 0, 0, 0, 0x0f, 5, 0x5d, 0xc3};
__attribute__((noinline)) void interpret(void (*compiled)(int), int fd)
{
    compiled(fd);
    __asm__ volatile("");
}
int main(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    struct linger now = {1, 0};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char path[64];
    FILE *map;
    memcpy(page, code, sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    map = fopen(path, "w");
    fprintf(map, "%lx %zx compiled_while_it_runs\n", (unsigned long)page, sizeof code);
    fclose(map);
    bind(listener, (void *)&to, size);
    listen(listener, 1);
    getsockname(listener, (void *)&to, &size);
    connect(fd, (void *)&to, size);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    puts("connected");
    fflush(stdout);
    getchar();
    interpret((void (*)(int))page, fd);
    /* Only a process that is there is asked for its map. */
    getchar();
    unlink(path);
    return 0;
}
