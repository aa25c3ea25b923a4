//! The report for people.

use std::io::{self, Write};

use super::{Attached, Report};
use crate::{
    enrich::stacks::KernelNames,
    exit::Exit,
    probe::{
        plan::Outcome,
        system::{CAPABILITIES, Capability, Lockdown},
        way::Hook,
    },
};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let lockdown = match report.facts.lockdown {
        None => "unknown, or not built in",
        Some(Lockdown::None) => "none",
        Some(Lockdown::Integrity) => "integrity (nothing is lost)",
        Some(Lockdown::Confidentiality) => "confidentiality: reading kernel memory is refused",
    };
    writeln!(out, "Kernel      {}", report.facts.release)?;
    writeln!(
        out,
        "Types       {}",
        if report.facts.btf {
            "BTF"
        } else {
            "none: built without BTF"
        }
    )?;
    writeln!(out, "Lockdown    {lockdown}")?;
    writeln!(
        out,
        "Transports  perf {}, ringbuf {}",
        can(report.perf),
        can(report.ringbuf)
    )?;
    let names = match report.names {
        KernelNames::Told => "told",
        KernelNames::Hidden => "hidden by kernel.kptr_restrict: stacks have addresses alone",
        KernelNames::Missing => "no /proc/kallsyms: stacks have addresses alone",
    };
    writeln!(out, "Functions   {names}")?;
    let confined = if report.facts.filters_calls {
        "while it traces finrst keeps few capabilities, and few system calls"
    } else {
        "while it traces finrst keeps few capabilities; this kernel filters no system calls"
    };
    writeln!(out, "Confined    {confined}")?;
    writeln!(out, "\nCapabilities")?;
    for capability in CAPABILITIES {
        writeln!(out, "  {}", held(report, &capability))?;
    }
    match &report.attached {
        Ok(attached) => points(report, attached, out)?,
        Err(failure) => writeln!(out, "\n{failure}")?,
    }
    if let (Ok(_), Some((error, _))) = (&report.attached, report.trouble()) {
        writeln!(out, "\n{error}")?;
    }
    let can = if report.exit() == Exit::Ok {
        "can"
    } else {
        "cannot"
    };
    writeln!(out, "\nfinrst {can} trace here.")
}

fn can(known: Option<bool>) -> &'static str {
    match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not tried",
    }
}

fn held(report: &Report, capability: &Capability) -> String {
    let state = match (report.facts.holds(capability), capability.required) {
        (Some(true), _) => "held",
        (Some(false), true) => "MISSING",
        (Some(false), false) => "missing",
        (None, _) => "unknown",
    };
    format!("{:<24}{state:<9}{}", capability.name, capability.purpose)
}

fn points(report: &Report, attached: &Attached, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nPoints")?;
    for outcome in &attached.plan.outcomes {
        point(report, outcome, out)?;
    }
    if attached.missing.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nFields this kernel lacks")?;
    for (field, lost) in &attached.missing {
        writeln!(out, "  {field}: endings lack {lost}")?;
    }
    Ok(())
}

fn point(report: &Report, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let way = outcome.chosen.map_or("-", Hook::name);
    writeln!(
        out,
        "  {:<18}{way:<8}{}",
        outcome.point.name, outcome.point.sees
    )?;
    for refusal in &outcome.refused {
        let (hook, program) = (refusal.hook.name(), refusal.program);
        writeln!(out, "  {:<18}not by {hook} {program}: {}", "", refusal.why)?;
        if report.verbose {
            for line in refusal.verifier_log.lines() {
                writeln!(out, "  {:<20}{line}", "")?;
            }
        }
    }
    if outcome.chosen.is_none() {
        writeln!(out, "  {:<18}lost: {}", "", outcome.point.lost)?;
    }
    Ok(())
}
