/* The rules that bind programs, by area and number. An ID is never used again for another rule, and
 * nothing depends on the order. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_RULE_IDS_H
#define SOCKSPEC_ORACLE_RULE_IDS_H

/* X(AREA, NUMBER), a line or two for each area. */
/* clang-format off */
#define ORACLE_RULE_IDS(X) \
    X(CRE, 03) X(CRE, 04) X(CRE, 06) X(CRE, 12) X(CRE, 14) X(CRE, 16) \
    X(CRE, 20) \
    X(ACC, 06) X(ACC, 09) X(ACC, 10) X(ACC, 12) X(ACC, 16) \
    X(DAT, 02) X(DAT, 03) X(DAT, 05) X(DAT, 06) X(DAT, 08) X(DAT, 14) \
    X(DAT, 18) X(DAT, 19) X(DAT, 20) X(DAT, 21) X(DAT, 22) X(DAT, 23) \
    X(HCL, 04) X(HCL, 05) X(HCL, 09) \
    X(CLO, 06) X(CLO, 07) X(CLO, 12) X(CLO, 15) X(CLO, 16) \
    X(RST, 05) X(RST, 13) X(RST, 14) \
    X(TWT, 06) X(TWT, 07) \
    X(ERR, 01) X(ERR, 03) X(ERR, 06) X(ERR, 07) X(ERR, 09) \
    X(RDY, 07) X(RDY, 08) X(RDY, 10) X(RDY, 11) X(RDY, 13) X(RDY, 14) \
    X(TMO, 03) X(TMO, 04) X(TMO, 06) X(TMO, 07) \
    X(BKL, 03) X(BKL, 04) \
    X(FDH, 01) X(FDH, 02) X(FDH, 03) X(FDH, 04) X(FDH, 05) X(FDH, 06) \
    X(FDH, 07) X(FDH, 08) X(FDH, 09) X(FDH, 10) X(FDH, 11)
/* clang-format on */

#endif
