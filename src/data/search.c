/* SPDX-License-Identifier: Apache-2.0 */
#include "data/search.h"

/* Where the value would be if they rose evenly between low and high. */
static int64_t guess(int64_t low, int64_t low_value, int64_t high, int64_t high_value,
                     int64_t wanted)
{
    const double share = (double)(wanted - low_value) / (double)(high_value - low_value);
    const int64_t place = low + (int64_t)(share * (double)(high - low));
    if (place <= low) return low + 1;
    return place >= high ? high - 1 : place;
}

int64_t search_last(int64_t (*value)(const void *list, int64_t place), const void *list,
                    int64_t count, int64_t wanted)
{
    int64_t low = 0, high = count - 1;
    int64_t low_value = value(list, low), high_value = value(list, high);
    if (wanted < low_value) return low;
    if (wanted >= high_value) return high;
    /* value(low) <= wanted < value(high). Every third time half of what is left goes. */
    for (int turn = 1; high - low > 1; turn++) {
        const int64_t place = turn % 3 == 0 ? low + (high - low) / 2
                                            : guess(low, low_value, high, high_value, wanted);
        const int64_t here = value(list, place);
        if (here <= wanted) {
            low = place;
            low_value = here;
        } else {
            high = place;
            high_value = here;
        }
    }
    return low;
}
