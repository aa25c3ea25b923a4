//! The report for programs: one JSON object.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Report;
use crate::{
    enrich::stacks::KernelNames,
    exit::Exit,
    probe::{
        plan::Outcome,
        system::{CAPABILITIES, Lockdown},
        way::Hook,
    },
};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let capabilities: Vec<Value> = CAPABILITIES
        .iter()
        .map(|capability| {
            json!({
                "name": capability.name,
                "held": report.facts.holds(capability),
                "required": capability.required,
                "purpose": capability.purpose,
            })
        })
        .collect();
    let attached = report.attached.as_ref();
    let points: Vec<Value> = attached
        .map(|attached| {
            attached
                .plan
                .outcomes
                .iter()
                .map(|outcome| point(report, outcome))
                .collect()
        })
        .unwrap_or_default();
    let missing: Vec<Value> = attached
        .map(|attached| {
            attached
                .missing
                .iter()
                .map(|(field, lost)| json!({"field": field, "lost": lost}))
                .collect()
        })
        .unwrap_or_default();
    let trouble = report.trouble();
    let whole = json!({
        "schema": 1,
        "type": "check",
        "can_trace": report.exit() == Exit::Ok,
        "kernel": report.facts.release,
        "btf": report.facts.btf,
        "lockdown": report.facts.lockdown.map(Lockdown::name),
        "kernel_functions": match report.names {
            KernelNames::Told => "told",
            KernelNames::Hidden => "hidden",
            KernelNames::Missing => "missing",
        },
        "filters_system_calls": report.facts.filters_calls,
        "capabilities": capabilities,
        "transports": {"perf": report.perf, "ringbuf": report.ringbuf},
        "points": points,
        "missing_fields": missing,
        "error": trouble.as_ref().map(|(error, _)| error),
        "hint": trouble.as_ref().map(|&(_, hint)| hint).filter(|hint| !hint.is_empty()),
    });
    writeln!(out, "{whole}")
}

fn point(report: &Report, outcome: &Outcome) -> Value {
    let refused: Vec<Value> = outcome
        .refused
        .iter()
        .map(|refusal| {
            let log = report.verbose.then_some(refusal.verifier_log.as_str());
            json!({
                "hook": refusal.hook.name(),
                "way": refusal.hook.way().name(),
                "program": refusal.program,
                "why": refusal.why,
                "verifier_log": log,
            })
        })
        .collect();
    json!({
        "name": outcome.point.name,
        "sees": outcome.point.sees,
        "required": outcome.point.required,
        "way": outcome.chosen.map(|hook| hook.way().name()),
        "hook": outcome.chosen.map(Hook::name),
        "refused": refused,
        "lost": outcome.chosen.is_none().then_some(outcome.point.lost),
    })
}
