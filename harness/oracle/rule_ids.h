/* The rules by area and number: first those that bind programs, then those that bind stacks alone.
 * An ID is never used again for another rule, and nothing else depends on the order. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_RULE_IDS_H
#define SOCKSPEC_ORACLE_RULE_IDS_H

/* X(AREA, NUMBER), a line or two for each area. */
/* clang-format off */
#define ORACLE_PROGRAM_RULE_IDS(X) \
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
#define ORACLE_STACK_RULE_IDS(X) \
    X(CRE, 01) X(CRE, 02) X(CRE, 05) X(CRE, 07) X(CRE, 08) X(CRE, 09) \
    X(CRE, 10) X(CRE, 11) X(CRE, 13) X(CRE, 15) X(CRE, 17) X(CRE, 18) X(CRE, 19) \
    X(ACC, 01) X(ACC, 02) X(ACC, 03) X(ACC, 04) X(ACC, 05) X(ACC, 07) \
    X(ACC, 08) X(ACC, 11) X(ACC, 13) X(ACC, 14) X(ACC, 15) \
    X(DAT, 01) X(DAT, 04) X(DAT, 07) X(DAT, 09) X(DAT, 10) X(DAT, 11) \
    X(DAT, 12) X(DAT, 13) X(DAT, 15) X(DAT, 16) X(DAT, 17) \
    X(HCL, 01) X(HCL, 02) X(HCL, 03) X(HCL, 06) X(HCL, 07) X(HCL, 08) \
    X(CLO, 01) X(CLO, 02) X(CLO, 03) X(CLO, 04) X(CLO, 05) X(CLO, 08) \
    X(CLO, 09) X(CLO, 10) X(CLO, 11) X(CLO, 13) X(CLO, 14) \
    X(RST, 01) X(RST, 02) X(RST, 03) X(RST, 04) X(RST, 06) X(RST, 07) \
    X(RST, 08) X(RST, 09) X(RST, 10) X(RST, 11) X(RST, 12) X(RST, 15) \
    X(TWT, 01) X(TWT, 02) X(TWT, 03) X(TWT, 04) X(TWT, 05) \
    X(ERR, 02) X(ERR, 04) X(ERR, 05) X(ERR, 08) \
    X(RDY, 01) X(RDY, 02) X(RDY, 03) X(RDY, 04) X(RDY, 05) X(RDY, 06) X(RDY, 09) X(RDY, 12) \
    X(TMO, 01) X(TMO, 02) X(TMO, 05) \
    X(BKL, 01) X(BKL, 02) X(BKL, 05)
#define ORACLE_RULE_IDS(X) ORACLE_PROGRAM_RULE_IDS(X) ORACLE_STACK_RULE_IDS(X)
/* clang-format on */

#endif
