//! What a replay tells is what the run told, whatever the calls and whatever the world answered.

use std::{cell::Cell, task::Poll};

use jiff::tz::TimeZone;
use proptest::{collection, prelude::*};

use super::*;
use crate::{
    correlate::{Correlator, Limits},
    decode::tests::encode::encode,
    enrich::facts::{Facts, Nothing},
    model::{
        clock::{Sample, Timed},
        foreign::Foreign,
        holder::Holder,
        identity::ProcessFacts,
        known::KnownSocket,
        observation::Observation,
        process::Task,
        reason::ReasonNames,
        segment::Seen,
        stack::{Absent, Frame, Side, Stack, StackId},
        time::Reached,
    },
    pipeline::{
        Wanted,
        tap::{Noted, Tapped},
    },
    record::{
        Writer,
        tests::{Shared, account, header, seen},
    },
    render::{Format, Options, time::WallClock},
    tally::{Account, PerKind},
    tests::arbitrary,
};

/// A call of the road.
#[derive(Clone, Debug)]
enum Call {
    /// A record, so many nanoseconds after the watermark.
    Take(Box<Observation>, u64),
    /// What no `decode` takes.
    Garbage(Vec<u8>),
    /// A watermark so many nanoseconds later.
    Turn(u64),
    Clock(i64),
    /// A segment, so many nanoseconds after the watermark.
    Sight(Box<Seen>, u64),
    Device(Option<u32>, u32, Foreign),
    Know(Vec<KnownSocket>),
    Account(Box<Account>),
    /// The account before, so many nanoseconds later.
    AccountAgain(u64),
}

fn call() -> BoxedStrategy<Call> {
    let observation = arbitrary::observation().prop_map(Box::new);
    prop_oneof![
        8 => (observation, 0..2_000_000_000_u64).prop_map(|(seen, after)| Call::Take(seen, after)),
        1 => collection::vec(any::<u8>(), 0..64).prop_map(Call::Garbage),
        6 => (0..1_500_000_000_u64).prop_map(Call::Turn),
        1 => any::<i64>().prop_map(Call::Clock),
        4 => (seen().prop_map(Box::new), 0..1_000_000_000_u64)
            .prop_map(|(seen, after)| Call::Sight(seen, after)),
        1 => (proptest::option::of(0..2_u32), 0..3_u32, arbitrary::foreign())
            .prop_map(|(netns, index, name)| Call::Device(netns, index, name)),
        1 => collection::vec(arbitrary::known(), 0..3).prop_map(Call::Know),
        1 => account().prop_map(|account| Call::Account(Box::new(account))),
        2 => (0..3_u64).prop_map(Call::AccountAgain),
    ]
    .boxed()
}

/// A world that changes its mind with every record, and answers looks differently each time.
struct Fickle {
    facts: Vec<ProcessFacts>,
    names: Vec<Foreign>,
    holders: Vec<Vec<Holder>>,
    asked: u32,
    seen: usize,
    looks: Cell<usize>,
}

impl Fickle {
    fn any() -> impl Strategy<Value = Self> {
        let holders = arbitrary::known().prop_map(|socket| socket.holders);
        (
            collection::vec(arbitrary::facts(), 3),
            collection::vec(arbitrary::foreign(), 3),
            collection::vec(holders, 3),
        )
            .prop_map(|(facts, names, holders)| Self {
                facts,
                names,
                holders,
                seen: 0,
                asked: 0,
                looks: Cell::new(0),
            })
    }
}

impl Facts for Fickle {
    fn seen(&mut self, _observation: &Observation) {
        self.seen += 1;
    }

    fn of(&self, task: &Task) -> Option<&ProcessFacts> {
        task.start_ns?;
        self.facts
            .get((self.seen + usize::from(task.comm.0[0])) % 4)
    }

    fn netns_name(&self, inode: u32) -> Option<&Foreign> {
        let inode = usize::try_from(inode).unwrap();
        self.names.get((self.seen + inode) % 4)
    }

    fn want_holders(&mut self, _inode: u32) {}

    fn holders(&mut self, _inode: u32) -> Option<Vec<Holder>> {
        self.looks.set(self.looks.get() + 1);
        self.holders.get(self.looks.get() % 4).cloned()
    }

    fn stack(&mut self, id: StackId, hurry: bool) -> Poll<Option<Stack>> {
        // Names come some turns later, if at all.
        self.asked += 1;
        if !hurry && !self.asked.is_multiple_of(4) {
            return Poll::Pending;
        }
        let frame = Frame {
            address: id.of_seq,
            ..Frame::default()
        };
        let kernel = Side::Frames {
            frames: vec![frame],
            truncated: id.cpu == 0,
        };
        let user = Side::Absent(Absent::NoCaller);
        Poll::Ready((!id.of_seq.is_multiple_of(3)).then_some(Stack { kernel, user }))
    }

    fn turn(&mut self, _now: MonoNs) {}
}

fn clock(offset_ns: i128) -> WallClock {
    WallClock::new(offset_ns, TimeZone::UTC)
}

fn pipeline<F: Facts>(facts: F, format: Format, events: bool, out: &Shared) -> Pipeline<F> {
    let header = header();
    let reasons = header.reasons.iter().map(|(&code, name)| (code, &**name));
    let reasons = ReasonNames::new(reasons);
    let options = Options {
        stacks: true,
        clock: clock(header.clock_offset_ns),
        reasons: reasons.clone(),
        colour: false,
        explain: true,
    };
    let wanted = Wanted {
        fin: true,
        rst: true,
        causes: Vec::new(),
    };
    let limits = Limits {
        answer_ns: header.settings.answer_ns,
        every_reset: header.settings.every_reset,
        ..Limits::default()
    };
    let correlator = Correlator::new(limits, reasons);
    let (view, out) = (format.renderer(options), Box::new(out.clone()));
    let mut pipeline = Pipeline::new(facts, correlator, view, out, wanted, events, None);
    pipeline.captures(true);
    pipeline
}

fn no_account() -> Account {
    Account {
        emitted: PerKind::default(),
        lost: PerKind::default(),
        missed: None,
        forgotten: 0,
        captured: None,
        clocks: None,
        at: MonoNs(0),
    }
}

/// Makes the calls; what was told, after how many calls how much of it, and the recording.
fn live(world: impl Facts, calls: &[Call], format: Format, events: bool) -> (Vec<u8>, Vec<u8>) {
    let (told, file) = (Shared::default(), Shared::default());
    let mut road = Tapped::new(pipeline(Noted::new(world), format, events, &told));
    let sink: Box<dyn io::Write> = Box::new(file.clone());
    let writer = Writer::new(sink).unwrap();
    road.record(Box::new(writer), header());
    let (mut now, mut last) = (MonoNs(0), no_account());
    for call in calls {
        match call.clone() {
            Call::Take(mut seen, after) => {
                seen.at = now.after(after);
                road.take(&encode(&seen));
            }
            Call::Garbage(bytes) => road.take(&bytes),
            Call::Turn(ns) => {
                now = now.after(ns);
                // Every other time the capture lags, now and then by more than it may.
                let lag = if ns % 2 == 0 {
                    Reached::END.0
                } else {
                    ns * 3 / 2
                };
                let segments = now.before(lag);
                let capturing = lag != Reached::END.0;
                let segments = if capturing { segments } else { Reached::END };
                road.turn(Reached {
                    records: now,
                    segments,
                })
                .unwrap();
            }
            Call::Sight(seen, after) => {
                let at = now.after(after);
                let error_ns = (after % 3 > 0).then_some(after / 2);
                road.sight(Timed { at, error_ns }, Some(1), &seen);
            }
            Call::Device(netns, index, name) => road.device(netns, index, name),
            Call::Clock(offset) => road.clock(Sample {
                at: now,
                offset_ns: offset.into(),
                error_ns: offset.unsigned_abs() % 1_000,
                slept_ns: 0,
            }),
            Call::Know(sockets) => drop(road.know(sockets)),
            Call::Account(account) => {
                last = *account;
                road.account(last).unwrap();
            }
            Call::AccountAgain(ns) => {
                last.at = last.at.after(ns);
                road.account(last).unwrap();
            }
        }
    }
    road.finish(true, "asked").unwrap();
    assert!(road.recording_failed().is_none());
    (told.bytes(), file.bytes())
}

fn replayed(file: &[u8], format: Format, events: bool) -> (Vec<u8>, Told) {
    let told = Shared::default();
    let mut road = pipeline(Recorded::default(), format, events, &told);
    let recording = Recording::open(file).unwrap();
    assert_eq!(recording.header, header());
    let how = recording.tell(&mut road, true, &mut |_| {}).unwrap();
    (told.bytes(), how)
}

fn world_and_calls() -> impl Strategy<Value = (Fickle, Vec<Call>)> {
    (Fickle::any(), collection::vec(call(), 0..60))
}

impl std::fmt::Debug for Fickle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fickle")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_replay_tells_what_the_run_told(
        (world, calls) in world_and_calls(),
        events in any::<bool>(),
        format in prop::sample::select(Format::ALL.to_vec()),
    ) {
        let (told, file) = live(world, &calls, format, events);
        let (again, how) = replayed(&file, format, events);
        let differ = || [&again, &told].map(|it| String::from_utf8_lossy(it).into_owned());
        prop_assert!(again == told, "{:?}", differ());
        prop_assert_eq!(how.stop.unwrap(), Stop::Whole);
    }

    #[test]
    fn a_cut_recording_tells_what_a_run_that_ended_there_would_have_told(
        calls in collection::vec(call(), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let told_of = |calls: &[Call]| live(Nothing, calls, Format::Json, true);
        // The account at the end is of the last second that is there.
        let lines = |told: Vec<u8>| {
            let told = String::from_utf8(told).unwrap();
            told.trim_end().rsplit_once('\n').map(|(lines, _summary)| lines.to_owned())
        };
        let (_, file) = told_of(&calls);
        let file = &file[..cut.index(file.len())];
        if Recording::open(file).is_ok() {
            let (told, how) = replayed(file, Format::Json, true);
            prop_assert!(how.stop.is_ok());
            let told = lines(told);
            let as_far = |count: usize| lines(told_of(&calls[..count]).0) == told;
            prop_assert!((0..=calls.len()).rev().any(as_far));
        }
    }
}

fn file_of(header: Header) -> Vec<u8> {
    let file = Shared::default();
    let mut writer = Writer::new(file.clone()).unwrap();
    writer.put(&Entry::Header(Box::new(header))).unwrap();
    writer.finish().unwrap();
    file.bytes()
}

#[test]
fn what_another_build_or_machine_recorded_is_refused_by_name() {
    let refused = |header| Recording::open(&*file_of(header)).map(|_| ()).unwrap_err();
    let other = Header {
        contract: CONTRACT + 1,
        finrst: "9.9.9".to_owned(),
        ..header()
    };
    let why = refused(other).to_string();
    assert!(why.contains("9.9.9") && why.contains(&(CONTRACT + 1).to_string()));
    let other = Header {
        byte_order: "middle".to_owned(),
        ..header()
    };
    assert!(refused(other).to_string().contains("middle"));
}

#[test]
fn a_recording_without_a_header_is_none() {
    let file = Shared::default();
    let mut writer = Writer::new(file.clone()).unwrap();
    writer
        .put(&Entry::Turn(Reached::records(MonoNs(1))))
        .unwrap();
    writer.finish().unwrap();
    let bytes = file.bytes();
    assert!(matches!(
        Recording::open(&*bytes),
        Err(Unfit::NoHeader { .. })
    ));
    assert!(matches!(
        Recording::open(&bytes[..12]),
        Err(Unfit::NoHeader { .. })
    ));
}

#[test]
fn a_recording_that_fails_ends_and_the_run_goes_on() {
    /// A disk with room for so many bytes.
    struct Disk(Shared, usize);
    impl io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.1 - self.0.bytes().len();
            if room == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(&bytes[..bytes.len().min(room)])
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (told, file) = (Shared::default(), Shared::default());
    let world = Noted::new(Nothing);
    let mut road = Tapped::new(pipeline(world, Format::Json, true, &told));
    let disk: Box<dyn io::Write> = Box::new(Disk(file.clone(), 2_000));
    road.record(Box::new(Writer::new(disk).unwrap()), header());
    let mut failures = 0;
    for at in 0..100_u64 {
        let noise: Vec<u8> = (0..997_u64)
            .map(|it| (it * it * (at + 7) / 13).to_le_bytes()[0])
            .collect();
        road.take(&noise);
        road.account(Account {
            forgotten: at,
            ..no_account()
        })
        .unwrap();
        failures += usize::from(road.recording_failed().is_some());
    }
    let tally = road.finish(true, "asked").unwrap();
    assert_eq!((failures, tally.undecodable), (1, 100));
    let (_, how) = replayed(&file.bytes(), Format::Json, true);
    assert!(matches!(how.stop, Ok(Stop::Cut { .. })));
    assert!(
        (1..100).contains(&how.tally.undecodable),
        "{}",
        how.tally.undecodable
    );
}

/// Whoever wrote the header, nothing of it moves a cursor: not told, nor in a refusal.
#[test]
fn what_a_recording_says_of_itself_is_shown_escaped() {
    let evil = "6.1\n\u{1b}[2J\u{9b}\u{202e}";
    let mut claimed = header();
    claimed.kernel = Some(evil.to_owned());
    claimed.finrst = evil.to_owned();
    claimed.reasons.insert(1, evil.to_owned());
    let told = Recording::open(&file_of(claimed.clone())[..])
        .unwrap()
        .header;
    let moves = |text: &str| text.chars().any(|c| c.is_control() || c == '\u{202e}');
    for text in [
        &told.finrst,
        told.kernel.as_ref().unwrap(),
        &told.reasons[&1],
    ] {
        assert!(!moves(text), "{text:?}");
    }
    claimed.contract += 1;
    let refused = Recording::open(&file_of(claimed)[..]).err().unwrap();
    assert!(!moves(&refused.to_string()), "{refused:?}");
}
