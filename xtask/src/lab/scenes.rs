//! Every scene under one tracer: the endings told must be the endings that were.

use std::time::Duration;

use anyhow::{bail, ensure};

use super::{
    Lab, compare,
    outcome::{Outcome, Report},
    played,
    told::{Ending, Summary},
    tracer::Tracer,
};
use crate::scene::{SCENES, Scene, truth::Told};

/// The longest an ending may take to be told after its scene: it settles, and it travels.
pub(crate) const SETTLED: Duration = Duration::from_secs(5);

/// The test of the account of all scenes together.
const ACCOUNTED: &str = "scene/accounted";

/// The tests' names.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let accounts = [ACCOUNTED.to_owned()];
    let scenes = SCENES.iter().map(|scene| format!("scene/{}", scene.name));
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
    let scenes: Vec<_> = SCENES
        .iter()
        .filter(|scene| reported(scene) || wanted(ACCOUNTED))
        .collect();
    if scenes.is_empty() {
        return Ok(());
    }
    let mut tracer = Tracer::start(lab.trace(&[]), lab.patience(Duration::from_secs(10)))?;
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
    for (scene, played) in scenes.iter().zip(played) {
        if !reported(scene) {
            continue;
        }
        let held = played.and_then(|told| check(lab, &told, &ended.endings));
        report.add(&format!("scene/{}", scene.name), Outcome::of(held));
    }
    if wanted(ACCOUNTED) {
        report.add(ACCOUNTED, Outcome::of(accounted(ended.summary)));
    }
    Ok(())
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
    compare::compare(lab, &told.expected, endings)?;
    for ending in endings
        .iter()
        .filter(|it| told.expected.iter().any(|e| compare::is_of(it, e)))
    {
        ensure!(
            ending.connection.netns == Some(told.netns),
            "netns: expected {}, got {:?}",
            told.netns,
            ending.connection.netns
        );
        ensure!(ending.via.is_some(), "via: expected a way, got nothing");
        let unsure = ending
            .owner
            .as_ref()
            .is_some_and(|owner| owner.confidence == "unknown");
        ensure!(
            !unsure,
            "owner.confidence: a named owner cannot be of unknown confidence"
        );
        let explained = ending
            .explanation
            .as_ref()
            .is_some_and(|text| !text.is_empty());
        ensure!(explained, "explanation: expected a sentence, got nothing");
    }
    Ok(())
}

/// Every record meant to be sent arrived or is counted as lost, and each arrived one was understood.
pub(crate) fn accounted(summary: Option<Summary>) -> anyhow::Result<()> {
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
    ensure!(it.received > 0, "no record was received");
    Ok(())
}
