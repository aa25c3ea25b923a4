//! The FINs and RSTs of a capture file, and what is wrong with it.

use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};

use crate::{
    align::Sign,
    app::{output, progress::Watched},
    exit::{Exit, Failure},
    model::{
        foreign::Foreign,
        segment::{Device, Seen},
    },
    packet::{
        file::{CaptureFile, FileError, Interface},
        link::Link,
        parse::NotSegments,
    },
};

/// FINs and RSTs kept of a file: some 300 MB.
const LIMIT: usize = 2_000_000;

/// What a file holds.
pub(super) struct Captured {
    /// Its path.
    pub(super) path: PathBuf,
    /// Its FINs and RSTs that have a time, on devices numbered over all files.
    pub(super) segments: Vec<Seen>,
    /// The names of those devices.
    pub(super) devices: Vec<(u32, Foreign)>,
    /// Nanoseconds its times are rounded down to.
    pub(super) resolution_ns: u64,
    /// The times of its first and of its last frame.
    pub(super) span: Option<(i64, i64)>,
    /// Why it was not read to its end; what is before was.
    pub(super) damage: Option<FileError>,
    frames: u64,
    others: NotSegments,
    untimed: u64,
    left_out: u64,
}

/// Reads a file to its end, or to where it cannot be read on.
///
/// Its devices are numbered from `number` on.
///
/// # Errors
///
/// There is no such file, or nothing in it that can be read: exit code 2; it is cut in its header
/// or the system does not let us read it: exit code 1.
pub(super) fn read(path: &Path, number: u32, quiet: bool) -> Result<Captured, Failure> {
    let opened = File::open(path).with_context(|| format!("cannot open {}", path.display()));
    let opened = opened.map_err(|error| Failure::new(Exit::Usage, error, ""))?;
    let mut file = CaptureFile::open(Watched::new(opened, path, quiet))
        .map_err(|error| refused(error, path))?;
    let mut captured = Captured {
        path: path.to_owned(),
        segments: Vec::new(),
        devices: Vec::new(),
        resolution_ns: 1,
        span: None,
        damage: None,
        frames: 0,
        others: NotSegments::default(),
        untimed: 0,
        left_out: 0,
    };
    let mut numbers = HashMap::new();
    captured.damage = loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                captured.span = stretched(captured.span, frame.at.map(|at| at.ns));
                captured.frames += 1;
                match frame.segment() {
                    Ok(seen) => captured.take(seen, &mut numbers, number),
                    Err(why) => captured.others.count(why),
                }
            }
            Ok(None) => break file.cut().map(|offset| FileError::Cut { offset }),
            Err(error) => break Some(error),
        }
    };
    let interfaces = file.interfaces();
    captured.devices = names(path, interfaces, &numbers);
    let resolutions = interfaces.iter().map(Interface::resolution_ns);
    captured.resolution_ns = resolutions.max().unwrap_or(1);
    captured.check_links(interfaces)?;
    Ok(captured)
}

impl Captured {
    fn take(&mut self, mut seen: Seen, numbers: &mut HashMap<Device, u32>, first: u32) {
        if Sign::of(&seen.headers).is_none() {
            return;
        }
        if seen.at.is_none() {
            self.untimed += 1;
            return;
        }
        if self.segments.len() >= LIMIT {
            self.left_out += 1;
            return;
        }
        let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let next = first.saturating_add(count);
        seen.device = Device::Interface(*numbers.entry(seen.device).or_insert(next));
        self.segments.push(seen);
    }

    /// Refuses a file of which no frame can be read.
    fn check_links(&self, interfaces: &[Interface]) -> Result<(), Failure> {
        let unknown = self.others.unknown_link_type;
        if unknown == 0 || unknown < self.frames {
            return Ok(());
        }
        let numbers = interfaces.iter().filter_map(|it| match it.link {
            Link::Unknown(number) => Some(number.to_string()),
            Link::Null
            | Link::Ethernet
            | Link::Raw
            | Link::Loop
            | Link::Sll
            | Link::Ipv4
            | Link::Ipv6
            | Link::Sll2 => None,
        });
        let mut numbers: Vec<_> = numbers.collect();
        numbers.dedup();
        let error = anyhow!(
            "{} has frames of link type {} alone, which finrst does not read",
            self.path.display(),
            numbers.join(", ")
        );
        let hint = "Ethernet, raw IP, Linux cooked (SLL, SLL2) and BSD loopback are read";
        Err(Failure::new(Exit::Usage, error, hint))
    }

    /// Says where the file could not be read on.
    pub(super) fn say_damage(&mut self) {
        let frames = self.frames;
        let path = self.path.display();
        if let Some(error) = self.damage.take().map(anyhow::Error::from) {
            output::say(format_args!(
                "finrst: {path}: {error:#}; the {frames} frames before are used"
            ));
        }
    }

    /// Says what was in the file and could not be used.
    pub(super) fn say_gaps(&self) {
        let NotSegments {
            fragments,
            truncated,
            malformed,
            unknown_link_type,
            ..
        } = self.others;
        let gaps = [
            (truncated, "frames were cut before the end of their headers"),
            (malformed, "frames have headers that contradict each other"),
            (fragments, "frames are later fragments of others"),
            (unknown_link_type, "frames are of an unknown link type"),
            (self.untimed, "FINs and RSTs have no time"),
            (
                self.left_out,
                "FINs and RSTs are more than there is room for",
            ),
        ];
        for (count, what) in gaps.into_iter().filter(|it| it.0 > 0) {
            let path = self.path.display();
            output::say(format_args!("finrst: {path}: {count} {what}: not used"));
        }
    }
}

fn stretched(span: Option<(i64, i64)>, at: Option<i64>) -> Option<(i64, i64)> {
    let Some(at) = at else { return span };
    let (first, last) = span.unwrap_or((at, at));
    Some((first.min(at), last.max(at)))
}

/// What the devices of a file are called: by the file, and by the interface where it has several.
fn names(
    path: &Path,
    interfaces: &[Interface],
    numbers: &HashMap<Device, u32>,
) -> Vec<(u32, Foreign)> {
    let file = path.file_name().unwrap_or(path.as_os_str());
    let name = |device: Device| {
        let mut name = file.as_encoded_bytes().to_vec();
        let of = |number: u32| interfaces.get(usize::try_from(number).ok()?);
        let own = match device {
            Device::Index(index) => Some(format!("#{index}")),
            Device::Interface(number) => of(number).and_then(|it| it.name.clone()),
        };
        if let Some(own) = own {
            name.push(b':');
            name.extend(own.into_bytes());
        }
        Foreign::from(&name[..])
    };
    let mut names: Vec<_> = numbers
        .iter()
        .map(|(&device, &number)| (number, name(device)))
        .collect();
    names.sort_by_key(|it| it.0);
    names
}

fn refused(error: FileError, path: &Path) -> Failure {
    let (exit, hint) = match &error {
        FileError::NotACapture { magic } => (Exit::Usage, what_it_is(magic)),
        FileError::Damaged { .. } => (Exit::Usage, ""),
        FileError::Cut { .. } | FileError::Io { .. } => (Exit::Runtime, ""),
    };
    let error = anyhow::Error::from(error).context(path.display().to_string());
    Failure::new(exit, error, hint)
}

/// What to do with a file that is no capture, by its first bytes.
const fn what_it_is(magic: &[u8]) -> &'static str {
    match magic {
        [0x1f, 0x8b, ..] => "it is compressed: unpack it by `gzip -d` first",
        [0x28, 0xb5, 0x2f, 0xfd] => "it is compressed: unpack it by `zstd -d` first",
        [0xfd, b'7', b'z', b'X'] => "it is compressed: unpack it by `xz -d` first",
        [b'B', b'Z', b'h', ..] => "it is compressed: unpack it by `bzip2 -d` first",
        b"finr" => "it is a recording; captures come after --pcap, the recording before",
        [] => "it is empty",
        _ => "`tcpdump -w FILE` writes a capture file",
    }
}

#[cfg(test)]
mod tests;
