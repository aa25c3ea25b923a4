//! A recording as long as one likes out of a short one: `TEMPLATE OUT SECONDS`, for measurements.
//!
//! Each second repeats what the template has, of other sockets. What travels between the records
//! (watermarks, the account) is as a live run has it.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Write},
};

use tracer::{
    model::time::{MonoNs, Reached},
    record::{Entry, Reader, Writer},
};
use tracer_common::event::{
    Accepted, CloseCalled, Destroyed, FinQueued, FinRetransmitted, HeldOpen, Kind, Queued,
    RstAnswered, RstReceived, RstSent, ShutdownCalled, StateChanged,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A repetition, in nanoseconds.
const PERIOD: u64 = 1_000_000_000;
/// Between two turns of a live run.
const TURN: u64 = 15_000_000;
/// How far its watermark lies behind.
const SLACK: u64 = 20_000_000;
/// More cookies than a template has.
const COOKIES: u64 = 1 << 32;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [template, out, seconds] = &words[..] else {
        return Err("say TEMPLATE OUT SECONDS".into());
    };
    let seconds: u64 = seconds.parse()?;
    let mut reader = Reader::new(File::open(template)?)?;
    let out: Box<dyn Write> = Box::new(BufWriter::new(File::create(out)?));
    let mut writer = Writer::new(out)?;
    let (mut records, mut last_account) = (Vec::new(), None);
    while let Some(entry) = reader.entry()? {
        match entry {
            Entry::Record(bytes) => records.push((at(bytes)?, bytes.to_vec())),
            Entry::Account(account) => last_account = Some(account),
            Entry::Header(_) | Entry::Answer(_) => writer.put(&entry)?,
            Entry::Clock(_)
            | Entry::Translated { .. }
            | Entry::Turn(_)
            | Entry::Sighted { .. }
            | Entry::Device { .. }
            | Entry::Known(_)
            | Entry::End { .. } => {}
        }
    }
    records.sort_by_key(|(at, _)| *at);
    let times: Vec<_> = records.iter().map(|(at, _)| *at).collect();
    let begin = busiest(&times).ok_or("the template has no records")?;
    records.retain(|(at, _)| (begin..begin + PERIOD - SLACK).contains(at));
    for second in 0..seconds {
        let mut turn = begin + second * PERIOD + TURN;
        for (_, bytes) in &records {
            let bytes = moved(bytes, second)?;
            let at = at(&bytes)?;
            while at > turn {
                writer.put(&Entry::Turn(Reached::records(MonoNs(turn - SLACK))))?;
                turn += TURN;
            }
            writer.put(&Entry::Record(&bytes))?;
        }
        if let Some(account) = &mut last_account {
            account.at = MonoNs(turn);
            writer.put(&Entry::Account(account.clone()))?;
        }
    }
    writer.put(&Entry::End {
        how: "asked".to_owned(),
    })?;
    writer.finish()?;
    println!("{}", u64::try_from(records.len())? * seconds);
    Ok(())
}

/// Where the period with the most records begins.
fn busiest(times: &[u64]) -> Option<u64> {
    let within = |begin: u64| times.partition_point(|&at| at < begin + PERIOD - SLACK);
    let count = |&(place, &begin): &(usize, &u64)| within(begin) - place;
    times
        .iter()
        .enumerate()
        .max_by_key(count)
        .map(|(_, &begin)| begin)
}

fn at(record: &[u8]) -> Result<u64, Box<dyn Error>> {
    let (header, _) = tracer_common::event::Header::read_from_prefix(record)
        .map_err(|_short| "a record without a header")?;
    Ok(header.at_ns)
}

/// A record of another second, and of another socket.
fn moved(record: &[u8], second: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = record.to_vec();
    let (header, _) = tracer_common::event::Header::mut_from_prefix(&mut bytes)
        .map_err(|_short| "a record without a header")?;
    let (later, other) = (second * PERIOD, second * COOKIES);
    header.at_ns += later;
    let kind = Kind::from_wire(header.kind).ok_or("a record of no kind")?;
    match kind {
        Kind::CloseCalled => change::<CloseCalled>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::ShutdownCalled => {
            change::<ShutdownCalled>(&mut bytes, |it| it.socket.cookie += other)?;
        }
        Kind::FinQueued => change::<FinQueued>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::RstSent => change::<RstSent>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::RstAnswered => change::<RstAnswered>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::StateChanged => change::<StateChanged>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::RstReceived => change::<RstReceived>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::FinRetransmitted => {
            change::<FinRetransmitted>(&mut bytes, |it| it.socket.cookie += other)?;
        }
        Kind::Destroyed => change::<Destroyed>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::Accepted => change::<Accepted>(&mut bytes, |it| it.cookie += other)?,
        Kind::HeldOpen => change::<HeldOpen>(&mut bytes, |it| it.socket.cookie += other)?,
        Kind::Queued => change::<Queued>(&mut bytes, |it| it.cookie += other)?,
        Kind::SegmentSeen
        | Kind::Stack
        | Kind::CloseAsked
        | Kind::ProcessExited
        | Kind::ProcessExeced
        | Kind::ProcessForked => {}
    }
    Ok(bytes)
}

fn change<T: FromBytes + IntoBytes + KnownLayout + Immutable>(
    bytes: &mut [u8],
    change: impl FnOnce(&mut T),
) -> Result<(), Box<dyn Error>> {
    let record = T::mut_from_bytes(bytes).map_err(|_size| "a record of another size")?;
    change(record);
    Ok(())
}
