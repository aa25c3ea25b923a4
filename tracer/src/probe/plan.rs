//! Which way each point is hooked: decided by what really loads and attaches.

use aya::Ebpf;

use super::{
    attach::attach,
    btf::Btf,
    catalog::{Candidate, Need, POINTS, Point},
    way::{Allowed, Hook, Way},
};

/// What became of every point.
#[derive(Debug)]
pub struct Plan {
    /// One outcome a point, in the order of the catalogue.
    pub outcomes: Vec<Outcome>,
}

/// What became of one point.
#[derive(Debug)]
pub struct Outcome {
    /// The point.
    pub point: &'static Point,
    /// How it is hooked; `None` when it is not.
    pub chosen: Option<Hook>,
    /// The ways tried before, and why each was refused.
    pub refused: Vec<Refusal>,
    /// Whether it was asked for at all.
    pub wanted: bool,
}

/// A way that did not work.
#[derive(Debug)]
pub struct Refusal {
    /// The way.
    pub hook: Hook,
    /// The program, by its name in the kernel object.
    pub program: &'static str,
    /// Why, in one line.
    pub why: String,
    /// The verifier's log; empty when the verifier did not speak.
    pub verifier_log: String,
}

/// A required point that no way reaches.
#[derive(Debug, thiserror::Error)]
#[error("cannot hook {point} ({sees}): {why}")]
pub struct PlanError {
    /// The point.
    pub point: &'static str,
    /// What it sees.
    pub sees: &'static str,
    /// Every refusal.
    pub why: String,
}

impl Plan {
    /// Attaches every wanted point the best way that works and is allowed.
    ///
    /// State changes are attached last, so that whatever they announce finds its hooks in place.
    pub fn carry_out(
        object: &mut Ebpf,
        btf: &Btf,
        typed: Option<&aya::Btf>,
        allowed: Allowed,
        wanted: impl Fn(&Point) -> bool,
    ) -> Self {
        let mut outcomes: Vec<Outcome> = POINTS
            .iter()
            .rev()
            .map(|point| {
                let mut outcome = Outcome {
                    point,
                    chosen: None,
                    refused: Vec::new(),
                    wanted: wanted(point),
                };
                if outcome.wanted {
                    outcome.carry_out(object, btf, typed, allowed);
                }
                outcome
            })
            .collect();
        outcomes.reverse();
        Self { outcomes }
    }

    /// The first required point that is not hooked, as an error.
    ///
    /// # Errors
    ///
    /// [`PlanError`]; finrst must not run on.
    pub fn check(&self) -> Result<(), PlanError> {
        let missing = |outcome: &&Outcome| outcome.point.required && outcome.chosen.is_none();
        self.outcomes.iter().find(missing).map_or(Ok(()), refused)
    }

    /// The first of these points that is not hooked, as an error.
    ///
    /// # Errors
    ///
    /// [`PlanError`]; what needs them must not run on.
    pub fn check_points(&self, names: &[&str]) -> Result<(), PlanError> {
        let missing =
            |outcome: &&Outcome| names.contains(&outcome.point.name) && outcome.chosen.is_none();
        self.outcomes.iter().find(missing).map_or(Ok(()), refused)
    }

    /// How a point is hooked.
    #[must_use]
    pub fn hook(&self, name: &str) -> Option<Hook> {
        self.outcomes
            .iter()
            .find(|outcome| outcome.point.name == name)?
            .chosen
    }
}

/// The error of a point no way reaches.
fn refused(Outcome { point, refused, .. }: &Outcome) -> Result<(), PlanError> {
    let why = refused
        .iter()
        .map(|refusal| format!("{}: {}", refusal.hook.name(), refusal.why));
    Err(PlanError {
        point: point.name,
        sees: point.sees,
        why: why.collect::<Vec<_>>().join("; "),
    })
}

impl Outcome {
    fn carry_out(
        &mut self,
        object: &mut Ebpf,
        btf: &Btf,
        typed: Option<&aya::Btf>,
        allowed: Allowed,
    ) {
        for candidate in self
            .point
            .candidates
            .iter()
            .filter(|one| allows(self.point, one, allowed.way))
        {
            let Some(&(first, _)) = candidate.programs.first() else {
                continue;
            };
            let refusal = match candidate.needs.unmet(btf, allowed) {
                Some(why) => Refusal {
                    hook: candidate.hook,
                    program: first,
                    why,
                    verifier_log: String::new(),
                },
                None => match attach_all(object, typed, candidate) {
                    Ok(()) => {
                        self.chosen = Some(candidate.hook);
                        return;
                    }
                    Err(refusal) => refusal,
                },
            };
            self.refused.push(refusal);
        }
    }
}

/// A forced way binds only the points a function entry reaches: the others have no choice.
fn allows(point: &Point, candidate: &Candidate, way: Option<Way>) -> bool {
    let no_function = point
        .candidates
        .iter()
        .all(|one| matches!(one.hook.way(), Way::Tracepoint | Way::Tcx | Way::Uprobe));
    no_function || way.is_none_or(|way| candidate.hook.way() == way)
}

fn attach_all(
    object: &mut Ebpf,
    typed: Option<&aya::Btf>,
    candidate: &Candidate,
) -> Result<(), Refusal> {
    for &(program, target) in candidate.programs {
        attach(object, typed, candidate.hook, program, target).map_err(|error| Refusal {
            hook: candidate.hook,
            program,
            why: error.brief(),
            verifier_log: error.verifier_log(),
        })?;
    }
    Ok(())
}

impl Need {
    /// What of it the kernel does not meet; `None` when all is well.
    fn unmet(self, btf: &Btf, allowed: Allowed) -> Option<String> {
        let reason_at = |function| -> Option<Option<usize>> {
            let parameters = btf.function_parameters(function).ok()??;
            Some(parameters.iter().position(|&name| name == "reason"))
        };
        match self {
            Self::Nothing => None,
            Self::Leave if cfg!(not(target_arch = "x86_64")) => {
                Some("reads the registers of x86-64 only".to_owned())
            }
            Self::Leave if allowed.system_calls => None,
            Self::Leave => Some("slows every system call, so only with --held-open".to_owned()),
            Self::ReasonAt(function, place) => match reason_at(function) {
                None => Some(format!("this kernel has no function {function}")),
                Some(Some(found)) if found == place => None,
                Some(_) => Some(format!("{function} has no reason as argument {place} here")),
            },
            Self::NoReason(function) => match reason_at(function) {
                None => Some(format!("this kernel has no function {function}")),
                Some(None) => None,
                Some(Some(_)) => Some(format!("{function} takes a reason here")),
            },
            Self::Arguments(tracepoint, count) => {
                match btf
                    .raw_tracepoint_parameters(tracepoint)
                    .ok()
                    .flatten()
                    .map(|found| found.len())
                {
                    None => Some(format!("this kernel has no tracepoint {tracepoint}")),
                    Some(found) if found == count => None,
                    Some(found) => Some(format!(
                        "{tracepoint} has {found} arguments here, not {count}"
                    )),
                }
            }
        }
    }
}
