//! Every scene under one tracer: the endings told must be the endings that were.

use std::time::Duration;

use anyhow::{bail, ensure};

use super::{
    Lab, compare,
    outcome::{Outcome, Report, Skip},
    played,
    score::Score,
    told::{Ending, Summary},
    tracer::Tracer,
    verdicts::Verdicts,
};
use crate::scene::{self, Scene, truth::Told};

/// The longest an ending may take to be told after its scene: it settles, and it travels.
pub(crate) const SETTLED: Duration = Duration::from_secs(5);

/// How often scenes are played again when the kernel skipped runs of the hooks, or records had no
/// room: what nobody saw or got, nobody can tell, and finrst says so in its summary.
const REPEATS: usize = 2;

/// The test of the account of all scenes together.
const ACCOUNTED: &str = "scene/accounted";

/// The tests' names.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let accounts = [ACCOUNTED.to_owned()];
    let scenes = scene::scenes().map(|scene| format!("scene/{}", scene.name));
    scenes.chain(accounts)
}

/// Plays the scenes wanted one after another and only then waits for what was told of them.
///
/// # Errors
/// The tracer could not be started or stopped.
pub(crate) fn run(
    lab: &Lab,
    wanted: &dyn Fn(&str) -> bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let reported = |scene: &Scene| wanted(&format!("scene/{}", scene.name));
    let scenes: Vec<_> = scene::scenes()
        .filter(|scene| lab.guest || !scene.takes_the_machine())
        .filter(|scene| reported(scene) || wanted(ACCOUNTED))
        .collect();
    if scenes.is_empty() {
        return Ok(());
    }
    let (mut outcomes, summary) = attempt(lab, &scenes)?;
    let mut unseen = unseen_by(summary);
    for _ in 0..REPEATS {
        let failed: Vec<_> = outcomes
            .iter()
            .filter(|it| it.1.is_err())
            .map(|it| it.0)
            .collect();
        if failed.is_empty() || unseen == 0 {
            break;
        }
        let (again, summary) = attempt(lab, &failed)?;
        outcomes.retain(|it| it.1.is_ok());
        outcomes.extend(again);
        unseen = unseen_by(summary);
    }
    for scene in scenes.iter().filter(|scene| reported(scene)) {
        if let Some(place) = outcomes.iter().position(|it| it.0.name == scene.name) {
            let (_, held, score, verdicts) = outcomes.swap_remove(place);
            let name = format!("scene/{}", scene.name);
            report.add(&name, Outcome::of(held));
            report.score(&name, score);
            report.verdicts(&name, verdicts);
        }
    }
    if wanted(ACCOUNTED) {
        report.add(ACCOUNTED, Outcome::of(accounted(summary)));
    }
    Ok(())
}

/// How many runs of hooks and records a run says it is short of.
fn unseen_by(summary: Option<Summary>) -> u64 {
    summary.map_or(0, |it| it.missed.unwrap_or(0) + it.lost)
}

/// What closes that end nothing need, by the way of tracepoints, to be told; harmless elsewhere.
pub(crate) const HELD_OPEN: &str = "--held-open";

/// What came of each scene, and the account of the run.
type Attempt<'scenes> = (Vec<Played<'scenes>>, Option<Summary>);

/// A scene, whether it was told as it was, and the score and the verdicts of what was told of it.
type Played<'scenes> = (&'scenes Scene, anyhow::Result<()>, Score, Verdicts);

/// Plays scenes under one tracer and compares what it told of each.
fn attempt<'scenes>(lab: &Lab, scenes: &[&'scenes Scene]) -> anyhow::Result<Attempt<'scenes>> {
    let command = lab.trace(&[HELD_OPEN.to_owned()]);
    let mut tracer = Tracer::start(command, lab.patience(Duration::from_secs(10)))?;
    let played: Vec<_> = scenes
        .iter()
        .map(|scene| played::play::<Told>(scene.name, &[]))
        .collect();
    let told: Vec<&Told> = played.iter().flatten().collect();
    tracer.watch(lab.patience(SETTLED), |endings| {
        told.iter().all(|told| complete(lab, told, endings))
    })?;
    // One more settling time: a second ending of the same socket must have its chance to be seen.
    tracer.watch(lab.patience(Duration::from_millis(300)), |_| false)?;
    let ended = tracer.stop()?;
    let held = played.into_iter().map(|played| match played {
        Ok(told) => {
            let verdicts = if told.facts.contains_key("skip") {
                Verdicts::default()
            } else {
                Verdicts::of(lab, &told.expected, &ended.endings)
            };
            (
                check(lab, &told, &ended.endings),
                Score::of(lab, &told.expected, &ended.endings),
                verdicts,
            )
        }
        Err(error) => (Err(error), Score::default(), Verdicts::default()),
    });
    let outcomes = scenes
        .iter()
        .zip(held)
        .map(|(&scene, (held, score, verdicts))| (scene, held, score, verdicts));
    Ok((outcomes.collect(), ended.summary))
}

/// Whether every ending a scene expects has been told.
pub(crate) fn complete(lab: &Lab, told: &Told, endings: &[Ending]) -> bool {
    told.expected
        .iter()
        .filter(|expected| compare::can_be_seen(lab, expected))
        .all(|expected| {
            endings
                .iter()
                .any(|ending| compare::is_of(ending, expected))
        })
}

/// One scene's endings, and that each tells the way it was learnt and the namespace it was in.
fn check(lab: &Lab, told: &Told, endings: &[Ending]) -> anyhow::Result<()> {
    if let Some(reason) = told.facts.get("skip").and_then(|told| told.first()) {
        bail!(Skip(reason.clone()));
    }
    compare::compare(lab, &told.expected, endings)?;
    for (ending, expected) in endings
        .iter()
        .filter_map(|it| Some((it, told.expected.iter().find(|e| compare::is_of(it, e))?)))
    {
        let netns = expected.netns.unwrap_or(told.netns);
        ensure!(
            ending.connection.netns == Some(netns),
            "netns: expected {netns}, got {:?}",
            ending.connection.netns
        );
        ensure!(ending.via.is_some(), "via: expected a way, got nothing");
        let explained = ending
            .explanation
            .as_ref()
            .is_some_and(|text| !text.is_empty());
        ensure!(explained, "explanation: expected a sentence, got nothing");
    }
    Ok(())
}

/// Every record meant to be sent arrived or is counted as lost, each arrived one was understood, and
/// there was one.
pub(crate) fn accounted(summary: Option<Summary>) -> anyhow::Result<()> {
    let it = balanced(summary)?;
    ensure!(it.received > 0, "no record was received");
    Ok(())
}

/// The same, where all may have been lost.
pub(crate) fn balanced(summary: Option<Summary>) -> anyhow::Result<Summary> {
    let Some(it) = summary else {
        bail!("there is no summary");
    };
    ensure!(
        it.emitted == it.received + it.lost,
        "{} emitted are not {} received and {} lost",
        it.emitted,
        it.received,
        it.lost
    );
    ensure!(
        it.undecodable == 0,
        "{} records were undecodable",
        it.undecodable
    );
    Ok(it)
}
