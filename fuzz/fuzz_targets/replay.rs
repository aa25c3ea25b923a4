//! Entries of a recording, whole and with the right checksums, told in every format: nothing told moves a
//! cursor.
#![no_main]

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use tracer::{
    correlate::{Correlator, Limits},
    model::reason::ReasonNames,
    pipeline::{Pipeline, Wanted},
    record::{Header, MAGIC, Settings, VERSION},
    render::{Format, Options, time::WallClock},
    replay::{BYTE_ORDER, Recorded, Recording},
};
use tracer_common::CONTRACT;

/// The kind of the entry that says what a recording is of.
const HEADER: u16 = 1;

fuzz_target!(|input: &[u8]| {
    let Some((&how, entries)) = input.split_first() else {
        return;
    };
    let Some(file) = file(&header(how, entries), entries) else {
        return;
    };
    for format in Format::ALL {
        tell(&file, format);
    }
});

fn tell(file: &[u8], format: Format) {
    let recording = Recording::open(file);
    assert!(recording.is_ok(), "the beginning of a recording is refused");
    let Ok(recording) = recording else { return };
    let settings = recording.header.settings.clone();
    let clock = WallClock::new(recording.header.clock_offset_ns, TimeZone::UTC);
    let reasons = recording.header.reasons.iter();
    let reasons = ReasonNames::new(reasons.map(|(&code, name)| (code, &**name)));
    let view = format.renderer(Options {
        clock,
        reasons: reasons.clone(),
        colour: false,
        explain: true,
        stacks: true,
    });
    let limits = Limits {
        sockets: settings.sockets,
        settle_ns: settings.settle_ns,
        answer_ns: settings.answer_ns,
        ..Limits::default()
    };
    let mut pipeline = Pipeline::new(
        Recorded::default(),
        Correlator::new(limits, reasons),
        view,
        Box::new(Tame(format)),
        Wanted {
            fin: true,
            rst: true,
            causes: Vec::new(),
        },
        true,
        settings.count,
    );
    if settings.answer_ns > 0 {
        pipeline.captures(settings.everything);
    }
    let told = recording
        .start(&mut pipeline)
        .and_then(|()| recording.tell(&mut pipeline, true, &mut |_| {}));
    assert!(told.is_ok(), "a sink takes everything");
}

/// A recording of these entries; `None` when they are more than a block has room for.
fn file(header: &Header, entries: &[u8]) -> Option<Vec<u8>> {
    let header = serde_json::to_vec(header).ok()?;
    let mut chunk = HEADER.to_le_bytes().to_vec();
    chunk.extend(u32::try_from(header.len()).ok()?.to_le_bytes());
    chunk.extend(header);
    chunk.extend(entries);
    let mut content = u32::try_from(chunk.len()).ok()?.to_le_bytes().to_vec();
    content.extend(crc32fast::hash(&chunk).to_le_bytes());
    content.extend(chunk);

    let mut file = MAGIC.to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend([0; 2]);
    // RFC 8878, section 3.1.1: magic, no checksum and no size, a window of 128 KiB.
    file.extend(0xfd2f_b528_u32.to_le_bytes());
    file.extend([0, 7 << 3]);
    let parts = content.chunks(64 << 10);
    let last = parts.len().checked_sub(1)?;
    for (number, part) in parts.enumerate() {
        // Bytes as they are: the size, type 0, and whether it is the last block.
        let size = u32::try_from(part.len()).ok()? << 3 | u32::from(number == last);
        file.extend(size.to_le_bytes().get(..3)?);
        file.extend(part);
    }
    Some(file)
}

/// What is told of a recording: in lines, nothing that moves a cursor but their ends.
struct Tame(Format);

impl Write for Tame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.0, Format::Text | Format::Json) {
            let moves = |byte: &u8| (byte.is_ascii_control() && *byte != b'\n') || *byte == 0xff;
            assert!(!bytes.iter().any(moves), "{}", bytes.escape_ascii());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn header(how: u8, entries: &[u8]) -> Header {
    let some = entries.get(..entries.len().min(32)).unwrap_or_default();
    let claimed = String::from_utf8_lossy(some).into_owned();
    Header {
        finrst: claimed.clone(),
        contract: CONTRACT,
        byte_order: BYTE_ORDER.to_owned(),
        machine: String::new(),
        kernel: Some(claimed.clone()),
        boot_id: None,
        at_ns: 0,
        clock_offset_ns: 0,
        transport: None,
        points: Vec::new(),
        reasons: (0..40).map(|code| (code, claimed.clone())).collect(),
        offsets: BTreeMap::new(),
        settings: Settings {
            fin: true,
            rst: true,
            count: (how & 1 != 0).then_some(3),
            settle_ns: if how & 2 == 0 { 1_000_000_000 } else { 0 },
            sockets: if how & 4 == 0 { 65_536 } else { 2 },
            answer_ns: if how & 8 == 0 { 200_000_000 } else { 0 },
            everything: how & 16 == 0,
            every_reset: how & 32 == 0,
            causes: Vec::new(),
        },
        command_line: Vec::new(),
    }
}
