/* What the examples share: one line of input, members of flat JSON, and RPC in both forms. No library but libc. */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The functions that the job server gives beside WASI. A module that uses them runs nowhere else. */
#define HOST(name) __attribute__((import_module("host"), import_name(#name)))

/* Reads the input line; the memory is the caller's. */
static char *read_input(void) {
    size_t size = 4096, used = 0, got;
    char *text = malloc(size);
    while (text && (got = fread(text + used, 1, size - used - 1, stdin)) > 0) {
        used += got;
        if (used == size - 1) text = realloc(text, size *= 2);
    }
    if (text) text[used] = 0;
    return text;
}

/* The text after `"name":`, or NULL. Enough for flat objects whose strings have no escapes. */
static const char *member(const char *json, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = json ? strstr(json, key) : NULL;
    if (!at) return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':') at++;
    return at;
}

/* Copies the string member `name`; returns 0 if there is none or it does not fit. */
static inline int string_member(const char *json, const char *name, char *to, size_t size) {
    const char *at = member(json, name);
    if (!at || *at != '"') return 0;
    const char *end = strchr(++at, '"');
    if (!end || (size_t)(end - at) >= size) return 0;
    memcpy(to, at, end - at);
    to[end - at] = 0;
    return 1;
}

/* RPC by files: writes the request, looks for the answer, removes both. Works with every server of this protocol. */
static inline char *rpc_by_files(const char *request) {
    const char *dir = getenv("WASM_RPC_WORK_DIR");
    const char *ask = getenv("WASM_RPC_REQUEST_FILE"), *answer = getenv("WASM_RPC_RESPONSE_FILE");
    char ask_path[512], answer_path[512];
    snprintf(ask_path, sizeof ask_path, "%s/%s", dir ? dir : "", ask ? ask : "wasm_rpc_request.json");
    snprintf(answer_path, sizeof answer_path, "%s/%s", dir ? dir : "", answer ? answer : "wasm_rpc_response.json");
    FILE *file = fopen(ask_path, "w");
    if (!file) return NULL;
    fputs(request, file);
    fclose(file);
    for (int poll = 0; poll < 500; poll++) {
        if (access(answer_path, F_OK) == 0 && (file = fopen(answer_path, "r"))) {
            size_t size = 1 << 20, used;
            char *text = malloc(size);
            used = text ? fread(text, 1, size - 1, file) : 0;
            if (text) text[used] = 0;
            fclose(file);
            unlink(ask_path);
            unlink(answer_path);
            return text;
        }
        usleep(10000);
    }
    return NULL;
}

static int fail(const char *error) {
    printf("{\"ok\":false,\"error\":\"%s\"}\n", error);
    return 0;
}

#endif
