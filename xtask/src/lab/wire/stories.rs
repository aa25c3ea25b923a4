//! What an ending says of its segments: who began, what delays count from, whose SYNs are shown.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::{
    lab::{
        Lab, compare, played, scenes,
        told::{Ending, Segment},
        tracer::Tracer,
    },
    scene::truth::Told,
};

/// A scene, and what must be said of the client's ending and of the server's.
type Story = (&'static str, fn(&Ending, &Ending) -> anyhow::Result<()>);

/// Scenes with both ends; the last one has no server's.
const STORIES: &[Story] = &[
    ("client_closes_first", |client, server| {
        began(client, "local", "acts_and_wire")?;
        began(server, "remote", "acts_and_wire")?;
        shows(client, &[]).and(shows(server, &[]))
    }),
    ("simultaneous_close", |client, server| {
        began(client, "both", "acts_and_wire")?;
        // Its socket met the client's FIN too late to tell.
        began(server, "both", "wire")
    }),
    ("linger_zero", |client, server| {
        began(client, "local", "acts_and_wire")?;
        began(server, "remote", "acts_and_wire")?;
        let rst = segments(client)?.iter().find(|it| it.flags.contains('R'));
        let delay = rst.and_then(|it| it.kernel_to_wire_ns);
        ensure!(delay.is_some(), "an RST without a delay: {rst:?}");
        shows(client, &[]).and(shows(server, &[]))
    }),
    ("refused", |client, server| {
        shows(client, &["tx S"])?;
        // Where the kernel does not tell what it answered, there is no other ending.
        if server.how == "rst_sent" {
            shows(server, &["rx S"])?;
        }
        Ok(())
    }),
    ("connect_timeout", |client, _| {
        shows(client, &["tx S"])?;
        let again = segments(client)?
            .iter()
            .map(|it| it.retransmits)
            .sum::<u32>();
        ensure!(again >= 1, "no SYN was sent again: {:?}", client.segments);
        Ok(())
    }),
];

/// Every story is told right by this capture.
pub(super) fn told(lab: &Lab, wire: &str) -> anyhow::Result<()> {
    let arguments = ["--wire", wire].map(str::to_owned);
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(20)))?;
    let mut played = Vec::new();
    for (scene, _) in STORIES {
        played.push(played::play::<Told>(scene, &[])?);
    }
    tracer.watch(lab.patience(scenes::SETTLED), |endings| {
        played.iter().all(|it| scenes::complete(lab, it, endings))
    })?;
    let ended = tracer.stop()?;
    for ((scene, is_right), told) in STORIES.iter().zip(&played) {
        let endings = of_scene(lab, told, &ended.endings)?;
        for ending in &endings {
            delays(ending).with_context(|| format!("{scene}: {ending:?}"))?;
        }
        let (Some(client), Some(server)) = (endings.first(), endings.last()) else {
            continue;
        };
        is_right(client, server).with_context(|| {
            format!("{scene}: of the client {client:?}, of the server {server:?}")
        })?;
    }
    Ok(())
}

/// The client's ending and the server's, where this kernel shows it; else the client's twice.
fn of_scene<'told>(
    lab: &Lab,
    told: &Told,
    endings: &'told [Ending],
) -> anyhow::Result<Vec<&'told Ending>> {
    let seen = told.expected.iter();
    let seen = seen.filter(|it| compare::can_be_seen(lab, it));
    seen.map(|expected| {
        let mut own = endings.iter().filter(|it| compare::is_of(it, expected));
        own.next()
            .with_context(|| format!("{}: {expected:?} is not told", told.scene))
    })
    .collect()
}

fn segments(ending: &Ending) -> anyhow::Result<&[Segment]> {
    ending.segments.as_deref().context("no segments are told")
}

/// Nothing that was sent is said to have been seen before the kernel did it.
fn delays(ending: &Ending) -> anyhow::Result<()> {
    for segment in segments(ending)? {
        let delay = segment.kernel_to_wire_ns;
        let backwards = segment.direction == "tx" && delay.is_some_and(|ns| ns < 0);
        ensure!(!backwards, "a delay below zero: {segment:?}");
        let named = delay.is_some() == segment.counted_from.is_some();
        ensure!(named, "a delay from nowhere: {segment:?}");
    }
    Ok(())
}

fn began(ending: &Ending, who: &str, proof: &str) -> anyhow::Result<()> {
    let told = [&ending.initiator, &ending.initiator_proof].map(Option::as_deref);
    ensure!(told == [Some(who), Some(proof)], "began: {told:?}");
    Ok(())
}

/// The SYNs an ending shows, each with its direction.
fn shows(ending: &Ending, expected: &[&str]) -> anyhow::Result<()> {
    let all = segments(ending)?.iter();
    let opening = all.filter(|it| it.flags.contains('S'));
    let shown: Vec<_> = opening
        .map(|it| format!("{} {}", it.direction, it.flags))
        .collect();
    ensure!(shown == expected, "SYNs: {shown:?}");
    Ok(())
}
