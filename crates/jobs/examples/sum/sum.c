/* {"values":[1,2,3]} -> {"ok":true,"result":{"sum":6,"count":3}} */
#include "../guest.h"

int main(void) {
    char *input = read_input();
    const char *at = member(input, "values");
    if (!at || *at++ != '[') return fail("values must be an array");
    double sum = 0;
    int count = 0;
    while (*at && *at != ']') {
        char *end;
        double value = strtod(at, &end);
        if (end == at) return fail("values must be numbers");
        sum += value;
        count++;
        at = end;
        while (*at == ' ' || *at == ',') at++;
    }
    printf("{\"ok\":true,\"result\":{\"sum\":%.17g,\"count\":%d}}\n", sum, count);
    return 0;
}
