//! Captures of others: files of every kind are aligned with a recording, and nothing else is.

mod bursts;
mod file;
mod namespaces;
mod tools;

use std::{
    fs::{self, File},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use self::tools::{Tcpdump, Told, need};
use super::{
    Lab, Test,
    recording::tools::{Recorder, Scratch, record, replay},
};

/// The tests, by name; for real machines only: guests have no tcpdump.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("correlate/same_numbers", same_numbers),
    ("correlate/every_file", every_file),
    ("correlate/nothing_in_common", nothing_in_common),
    ("correlate/damaged_files", damaged_files),
    ("correlate/other_namespace", namespaces::other_namespace),
];

/// Nothing that others do in network namespaces of their own.
const HERE: &[&str] = &["--netns", "/proc/self/ns/net"];

/// Records bursts while tcpdump writes a file for each set of words.
pub(super) fn recorded(
    lab: &Lab,
    scratch: &Scratch,
    options: &[&str],
    dumps: &[(&str, &[&str])],
) -> anyhow::Result<String> {
    need("tcpdump")?;
    let recording = scratch.file("recording");
    let mut running = Vec::new();
    for (name, words) in dumps {
        let command = Command::new("tcpdump");
        running.push(Tcpdump::start(command, words, &scratch.file(name))?);
    }
    let mut command = record(lab, &[&["-o", &recording], HERE, options].concat());
    let recorder = Recorder::start(lab, &mut command, &recording)?;
    bursts::play()?;
    thread::sleep(Duration::from_millis(1_200));
    recorder.stop(Signal::SIGINT)?;
    running.into_iter().try_for_each(Tcpdump::stop)?;
    Ok(recording)
}

/// What a recorded capture says of delays, tcpdump's own file says too.
fn same_numbers(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let dumps: &[(&str, &[&str])] = &[("lo.pcap", &["-i", "lo", "--nano"])];
    let recording = recorded(lab, &scratch, &["--wire", "afpacket"], dumps)?;
    let told = Told::of(lab, &recording, &[&scratch.file("lo.pcap")])?;
    let alignment = told.aligned()?;
    alignment.is_ahead(0)?;
    let (mut compared, mut missed) = (0, 0);
    let largest = alignment.residual("max")? + alignment.number("error_ns")?;
    for segment in told.segments() {
        let sightings = segment["sightings"].as_array().context("no sightings")?;
        let at = |device: &str| {
            let own = |it: &&Value| it["device"] == device && it["direction"] != "tx";
            sightings
                .iter()
                .find(own)
                .and_then(|it| it["mono_ns"].as_i64())
        };
        let (Some(ours), Some(theirs)) = (at("lo"), at("lo.pcap")) else {
            missed += 1;
            continue;
        };
        ensure!(
            (ours - theirs).abs() <= largest,
            "{segment} differs by more than {largest} ns: {alignment:?}"
        );
        compared += 1;
    }
    // A busy machine's own capture may be read too late for an ending.
    ensure!(
        compared > 500 && missed * 50 <= compared,
        "{compared} segments were seen by both and {missed} by one"
    );
    for direction in ["tx", "rx"] {
        let (ours, theirs) = (
            told.delay("lo", direction)?,
            told.delay("lo.pcap", direction)?,
        );
        println!("     {direction}: recorded {ours}\n         tcpdump's {theirs}");
        for (name, residual) in [("p50_ns", "p50"), ("p99_ns", "p99"), ("max_ns", "max")] {
            let of = |row: &Value| row[name].as_i64().context("a number");
            let apart = (of(ours)? - of(theirs)?).abs();
            let allowed = alignment.residual(residual)? + alignment.number("error_ns")?;
            ensure!(
                apart <= allowed,
                "{name} of {ours} and {theirs}: {allowed} is allowed"
            );
        }
    }
    println!("     {}", alignment.0);
    Ok(())
}

/// Files of every link type and resolution, of clocks that are off and that drift, are aligned with
/// a recording that captured nothing.
fn every_file(lab: &Lab) -> anyhow::Result<()> {
    need("editcap")?;
    let scratch = Scratch::new()?;
    let recording = recorded(
        lab,
        &scratch,
        &[],
        &[
            ("ethernet", &["-i", "lo"]),
            ("ethernet_ns", &["-i", "lo", "--nano"]),
            ("sll", &["-i", "any", "-y", "LINUX_SLL"]),
            ("sll2", &["-i", "any", "-y", "LINUX_SLL2", "--nano"]),
        ],
    )?;
    let ethernet = scratch.file("ethernet_ns");
    let edits: &[(&str, &[&str])] = &[
        ("pcapng", &["-F", "pcapng"]),
        ("raw", &["-F", "pcap", "-C", "14", "-T", "rawip"]),
        ("shifted", &["-t", "-86400.5"]),
    ];
    for (name, words) in edits {
        file::edit(words, &ethernet, &scratch.file(name), "")?;
    }
    only_segments_are_added(lab, &recording, &scratch.file("sll2"))?;
    for name in ["ethernet", "ethernet_ns", "sll", "sll2", "pcapng", "raw"] {
        let told = Told::of(lab, &recording, &[&scratch.file(name)])?;
        let it = told.aligned().and_then(|it| {
            it.is_ahead(0)?;
            Ok(it)
        });
        it.with_context(|| name.to_owned())?;
        ensure!(told.segments().count() > 500, "{name} joined nothing");
    }
    let shifted = Told::of(lab, &recording, &[&scratch.file("shifted")])?;
    shifted.aligned()?.is_ahead(-86_400_500_000_000)?;
    other_clocks(lab, &scratch, &recording, &ethernet)
}

/// A capture adds segments and what follows from them; everything else is as a replay tells it.
fn only_segments_are_added(lab: &Lab, recording: &str, capture: &str) -> anyhow::Result<()> {
    let bare = |lines: &[Value]| {
        let endings = lines.iter().filter(|it| it["type"] == "ending").cloned();
        let mut endings: Vec<_> = endings.map(without_segments).collect();
        endings.sort();
        endings
    };
    let again = replay(&lab.finrst, recording, &["-o", "json", "-q"])?;
    let text = String::from_utf8(again.stdout)?;
    let lines = text.lines().map(serde_json::from_str);
    let replayed = bare(&lines.collect::<Result<Vec<_>, _>>()?);
    let correlated = bare(&Told::of(lab, recording, &[capture])?.lines);
    ensure!(replayed.len() > 500, "{} endings", replayed.len());
    let unlike = replayed.iter().zip(&correlated).find(|(a, b)| a != b);
    ensure!(
        replayed == correlated,
        "with a capture, an ending is another: {unlike:?}"
    );
    Ok(())
}

/// An ending without what a capture adds.
fn without_segments(mut ending: Value) -> String {
    if let Some(members) = ending.as_object_mut() {
        members.remove("segments");
        members.remove("initiator_proof");
        if let Some(phases) = members.get_mut("phases_ns").and_then(Value::as_object_mut) {
            phases.retain(|phase, _| !phase.ends_with("_to_wire"));
        }
    }
    ending.to_string()
}

/// A clock that drifts is told with its drift, and of three segments none is claimed.
fn other_clocks(lab: &Lab, scratch: &Scratch, recording: &str, whole: &str) -> anyhow::Result<()> {
    let drifted = scratch.file("drifted");
    file::write_drifted(whole, &drifted, 100)?;
    let told = Told::of(lab, recording, &[&drifted])?;
    let (drift, error) = told.aligned()?.drift()?;
    println!("     100 ppm are told as {drift} ± {error}");
    ensure!(
        (drift - 100.0).abs() <= error,
        "{drift} ± {error} ppm instead of 100"
    );
    let few = scratch.file("few");
    // Not the first: others may use loopback before the recording begins.
    file::edit(&["-r"], whole, &few, "301-303")?;
    let told = Told::of(lab, recording, &[&few])?;
    let it = told.alignment()?;
    ensure!(
        told.code == Some(0) && it.number("matches")? >= 3,
        "{told:?}"
    );
    ensure!(
        it.0["drift_ppm"].is_null(),
        "3 segments tell a drift: {it:?}"
    );
    ensure!(told.talk.contains("drift unknown"), "{}", told.talk);
    Ok(())
}

/// A capture of the same kind of traffic at another time is not joined, and one that belongs there
/// is, beside it.
fn nothing_in_common(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let recording = recorded(lab, &scratch, &[], &[("own", &["-i", "lo"])])?;
    let other = scratch.file("other");
    let tcpdump = Tcpdump::start(Command::new("tcpdump"), &["-i", "lo"], &other)?;
    bursts::play()?;
    tcpdump.stop()?;
    let told = Told::of(lab, &recording, &[&other])?;
    ensure!(told.code == Some(1), "it ended with {:?}", told.code);
    ensure!(told.alignment()?.number("matches")? == 0, "{told:?}");
    ensure!(told.of_type("ending").next().is_none(), "endings are told");
    for word in [
        "is not aligned",
        "hint: none is in both",
        "by its own clock",
    ] {
        ensure!(told.talk.contains(word), "no {word:?} in {}", told.talk);
    }
    let told = Told::of(lab, &recording, &[&other, &scratch.file("own")])?;
    ensure!(told.code == Some(1), "it ended with {:?}", told.code);
    let foreign = |it: &&Value| it["device"] == "other";
    ensure!(
        !told.segments().any(|it| foreign(&it)),
        "what is another's was joined"
    );
    ensure!(told.segments().count() > 500, "what is its own was not");
    Ok(())
}

/// A file that was cut is used up to the cut; a file that is none is refused.
fn damaged_files(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let recording = recorded(lab, &scratch, &[], &[("whole", &["-i", "lo"])])?;
    let whole = fs::read(scratch.file("whole"))?;
    let cut = scratch.file("cut");
    fs::write(&cut, whole.get(..whole.len() / 2 + 7).context("bytes")?)?;
    let told = Told::of(lab, &recording, &[&cut])?;
    ensure!(told.code == Some(1), "it ended with {:?}", told.code);
    ensure!(told.talk.contains("cut at byte"), "{}", told.talk);
    ensure!(told.segments().count() > 100, "nothing was joined");
    ensure!(
        told.of_type("summary").next().is_some(),
        "it was not told to its end"
    );
    let text = scratch.file("text");
    fs::write(
        &text,
        "12:00:00.0 IP 127.0.0.1.1 > 127.0.0.1.2: Flags [F.]\n",
    )?;
    let packed = scratch.file("packed.gz");
    let gzip = Command::new("gzip")
        .args(["-c", &scratch.file("whole")])
        .stdout(File::create(&packed)?)
        .status()?;
    ensure!(gzip.success(), "gzip failed");
    let wireless = scratch.file("wireless");
    file::write_link_type(&scratch.file("whole"), &wireless, 105)?;
    for (file, word) in [
        (&text, "neither pcap nor pcapng"),
        (&packed, "gzip -d"),
        (&wireless, "link type 105"),
        (&recording, "it is a recording"),
    ] {
        let told = Told::of(lab, &recording, &[file])?;
        ensure!(told.code == Some(2), "{file} ended with {:?}", told.code);
        ensure!(told.talk.contains(word), "no {word:?} in {}", told.talk);
        ensure!(told.lines.is_empty(), "{file} told something");
    }
    Ok(())
}
