/* Inside the oracle: the predicates that the table names, by area. An _event sees the facts as they
 * were before its event; an _end sees the whole run. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKSPEC_ORACLE_PREDICATES_H
#define SOCKSPEC_ORACLE_PREDICATES_H

#include "oracle/facts.h"

#define ORACLE_EVENT(name)                                                                         \
    void oracle_##name##_event(struct oracle *oracle, unsigned rule,                               \
                               const struct trace_event *event, uint32_t index)
#define ORACLE_END(name) void oracle_##name##_end(struct oracle *oracle, unsigned rule)

/* Which rule owns a spin: an enum oracle_rule_index. `ret_cause`: the mark of the event that shows
 * it. */
unsigned oracle_spin_owner(const struct oracle *oracle, uint32_t index, uint32_t *ret_cause);
/* Breaks `rule` when it owns the spin at `index`. */
void oracle_spin_judge(struct oracle *oracle, unsigned rule, const struct trace_event *event,
                       uint32_t index, const char *note);

/* creation.c */
ORACLE_EVENT(cre_03);
ORACLE_EVENT(cre_04);
ORACLE_EVENT(cre_06);
ORACLE_EVENT(cre_12);
ORACLE_EVENT(cre_14);
ORACLE_EVENT(cre_16);
ORACLE_END(cre_20);
ORACLE_EVENT(twt_06);
ORACLE_END(twt_06);
/* accepting.c */
ORACLE_EVENT(acc_06);
ORACLE_EVENT(acc_09);
ORACLE_END(acc_09);
ORACLE_EVENT(acc_10);
ORACLE_EVENT(acc_12);
ORACLE_END(acc_12);
ORACLE_EVENT(acc_16);
ORACLE_END(bkl_04);
/* messages.c */
ORACLE_EVENT(dat_02);
ORACLE_END(dat_02);
ORACLE_EVENT(dat_03);
ORACLE_END(dat_03);
ORACLE_EVENT(dat_22);
ORACLE_END(dat_22);
ORACLE_EVENT(dat_23);
ORACLE_END(dat_23);
ORACLE_END(hcl_04);
/* transfers.c */
ORACLE_EVENT(dat_05);
ORACLE_EVENT(dat_06);
ORACLE_EVENT(dat_08);
ORACLE_EVENT(dat_14);
ORACLE_EVENT(dat_18);
ORACLE_EVENT(dat_19);
ORACLE_EVENT(dat_20);
ORACLE_END(dat_20);
ORACLE_EVENT(dat_21);
/* closing.c */
ORACLE_EVENT(hcl_09);
ORACLE_EVENT(clo_06);
ORACLE_EVENT(clo_12);
ORACLE_EVENT(clo_15);
ORACLE_END(clo_16);
ORACLE_END(rst_05);
ORACLE_END(twt_07);
/* errors.c */
ORACLE_EVENT(rst_13);
ORACLE_END(rst_13);
ORACLE_EVENT(rst_14);
ORACLE_EVENT(err_01);
ORACLE_EVENT(err_03);
ORACLE_EVENT(err_06);
ORACLE_END(err_06);
ORACLE_EVENT(err_09);
ORACLE_END(err_09);
ORACLE_END(bkl_03);
/* readiness.c */
ORACLE_EVENT(rdy_07);
ORACLE_END(rdy_07);
ORACLE_EVENT(rdy_08);
ORACLE_EVENT(rdy_10);
ORACLE_EVENT(rdy_11);
ORACLE_EVENT(rdy_13);
ORACLE_EVENT(rdy_14);
/* timeouts.c */
ORACLE_EVENT(tmo_03);
ORACLE_EVENT(tmo_04);
ORACLE_EVENT(tmo_06);
ORACLE_EVENT(tmo_07);
/* descriptors.c */
ORACLE_EVENT(fdh_01);
ORACLE_EVENT(fdh_02);
ORACLE_EVENT(fdh_03);
ORACLE_EVENT(fdh_04);
ORACLE_END(fdh_04);
ORACLE_EVENT(fdh_05);
ORACLE_EVENT(fdh_06);
ORACLE_EVENT(fdh_07);
ORACLE_EVENT(fdh_08);
ORACLE_EVENT(fdh_09);
ORACLE_END(fdh_09);
ORACLE_EVENT(fdh_10);
ORACLE_END(fdh_10);
ORACLE_END(fdh_11);

#endif
