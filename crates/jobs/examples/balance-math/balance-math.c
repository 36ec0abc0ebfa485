/* {"address":"0x…","percent":25} -> that share of the balance in wei, exactly, and whether a workflow should go on. */
#include "../guest.h"

typedef unsigned __int128 u128;

static int parse_hex(const char *text, u128 *value) {
    if (strncmp(text, "0x", 2) || !text[2] || strlen(text) > 34) return 0;
    *value = 0;
    for (text += 2; *text; text++) {
        char c = *text | 32;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return 0;
        *value = *value << 4 | (u128)digit;
    }
    return 1;
}

static const char *decimal(u128 value, char buffer[40]) {
    char *at = buffer + 39;
    *at = 0;
    do *--at = '0' + (char)(value % 10); while (value /= 10);
    return at;
}

int main(void) {
    char *input = read_input();
    char address[64], balance[80], request[256], share[40], whole[40];
    if (!string_member(input, "address", address, sizeof address)) return fail("address is missing");
    const char *at = member(input, "percent");
    long percent = at ? strtol(at, NULL, 10) : 100;
    if (percent < 0 || percent > 100) return fail("percent must be between 0 and 100");

    snprintf(request, sizeof request,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBalance\",\"params\":[\"%s\",\"latest\"]}", address);
    char *answer = rpc_by_files(request);
    if (!answer) return fail("no answer to eth_getBalance");
    u128 wei;
    if (!string_member(answer, "result", balance, sizeof balance) || !parse_hex(balance, &wei))
        return fail("eth_getBalance failed");
    /* Split, so that no product leaves 128 bits. */
    u128 part = wei / 100 * (u128)percent + wei % 100 * (u128)percent / 100;
    printf("{\"ok\":true,\"result\":{\"value\":{\"balance\":\"%s\",\"share\":\"%s\"},\"skipRemainingSteps\":%s}}\n",
           decimal(wei, whole), decimal(part, share), part == 0 ? "true" : "false");
    return 0;
}
