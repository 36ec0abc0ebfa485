// Runs a program and lets the machine refuse one thing, once: `refuse CALL NUMBER COMMAND...` makes the system call CALL fail when it is
// made for the NUMBERth time, counted over all threads and processes, from the first thread on that the program starts: what the loader and the
// runtime do before is not the program's. NUMBER 0 refuses nothing; NUMBER -N refuses every one from the Nth on. Afterwards the last line of
// standard error is "refuse: SEEN calls", and the status is the program's, or 128 and the number of the signal that ended it.
//
// A seccomp filter stops the program at this call alone, so that it runs at full speed otherwise; ptrace then replaces the call. Linux on
// x86-64 only. Status 125: that is not possible here.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct { const char *name; int numbers[3]; int error; } CALLS[] = {
    {"mmap", {SYS_mmap, -1}, ENOMEM},
    {"mprotect", {SYS_mprotect, -1}, ENOMEM},
    {"madvise", {SYS_madvise, -1}, ENOMEM},
    {"munmap", {SYS_munmap, -1}, ENOMEM},
    {"sigaltstack", {SYS_sigaltstack, -1}, ENOMEM},
    {"clone", {SYS_clone, SYS_clone3, -1}, EAGAIN},
    {"write", {SYS_write, SYS_writev, SYS_pwrite64}, ENOSPC},
    {"fsync", {SYS_fsync, SYS_fdatasync, -1}, EIO},
    {"rename", {SYS_rename, SYS_renameat, SYS_renameat2}, EIO},
    {"open", {SYS_open, SYS_openat, -1}, EMFILE},
    {"read", {SYS_read, SYS_pread64, -1}, EIO},
    {"mkdir", {SYS_mkdir, SYS_mkdirat, -1}, ENOSPC},
};

static int impossible(const char *what) {
    perror(what);
    return 125;
}

static int child(const int *numbers, char **command) {
    struct sock_filter filter[16];
    int n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < 3 && numbers[i] >= 0; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    const int threads[2] = {SYS_clone, SYS_clone3};
    for (int i = 0; i < 2; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, threads[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = n, .filter = filter};
    if (ptrace(PTRACE_TRACEME, 0, 0, 0)) return impossible("ptrace");
    raise(SIGSTOP);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return impossible("prctl");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return impossible("seccomp");
    execv(command[0], command);
    return impossible(command[0]);
}

int main(int argc, char **argv) {
    if (argc < 4) return 125;
    size_t which = 0, all = sizeof CALLS / sizeof *CALLS;
    while (which < all && strcmp(CALLS[which].name, argv[1])) which++;
    if (which == all) return 125;
    long refused = atol(argv[2]), seen = 0;
    pid_t program = fork();
    if (program < 0) return impossible("fork");
    if (program == 0) _exit(child(CALLS[which].numbers, argv + 3));
    int status;
    if (waitpid(program, &status, 0) < 0 || !WIFSTOPPED(status)) return 125;
    // Processes that the program starts have the filter, too, and without a tracer all these calls would fail there.
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL
        | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, program, 0, options)) return impossible("ptrace");
    ptrace(PTRACE_CONT, program, 0, 0);
    int started = 0;
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) return impossible("waitpid");
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread != program) continue;
            fprintf(stderr, "refuse: %ld calls\n", seen);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP) {
            struct user_regs_struct registers;
            ptrace(PTRACE_GETREGS, thread, 0, &registers);
            long number = registers.orig_rax;
            if (number == SYS_clone || number == SYS_clone3) started = 1;
            int chosen = 0;
            for (int i = 0; i < 3 && CALLS[which].numbers[i] >= 0; i++) chosen |= CALLS[which].numbers[i] == number;
            seen += started && chosen;
            if (started && chosen && (seen == refused || (refused < 0 && seen >= -refused))) {
                registers.orig_rax = -1;
                registers.rax = -CALLS[which].error;
                ptrace(PTRACE_SETREGS, thread, 0, &registers);
            }
        }
        // Stops of ours, and those with which threads begin, are not the program's.
        if (event || signal == SIGTRAP || signal == SIGSTOP) signal = 0;
        ptrace(PTRACE_CONT, thread, 0, signal);
    }
}
