/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka test of an operation includes. */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include "support_operation.h"
#include "support_reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
