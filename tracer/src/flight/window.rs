//! The window: chunks of entries, packed, the oldest given up for time or for room.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::Arc,
};

use tracer_common::event::{Header as RecordHeader, Kind};
use zerocopy::FromBytes as _;

use super::before::Before;
use crate::{
    model::time::{MonoNs, Reached},
    record::{Entry, Header, Writer, append, entries},
    tally::{Account, PerKind},
};

/// Bytes of entries at which a chunk is packed: large enough that packing pays, small enough that
/// giving one up costs little of the window.
const CHUNK: usize = 256 << 10;
/// How hard zstd tries: its fastest usual level.
const LEVEL: i32 = 1;
/// Bytes a chunk takes beside its entries.
const CHUNK_HEAD: usize = 64;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nanoseconds that entries are kept.
    pub keep_ns: u64,
    /// Bytes that entries may take, those from before the window included.
    pub memory: usize,
}

/// The last of a run.
#[derive(Clone)]
pub struct Flight {
    limits: Limits,
    header: Option<Header>,
    before: Before,
    chunks: VecDeque<Chunk>,
    /// Bytes of the chunks.
    packed: usize,
    /// The chunk that is being filled.
    open: Vec<u8>,
    /// When its first entry came.
    open_from: MonoNs,
    now: MonoNs,
    /// Records that came, by their own word for what they are.
    came: PerKind,
    crowded_out: u64,
}

/// Entries that are kept, packed.
#[derive(Clone)]
struct Chunk {
    from: MonoNs,
    until: MonoNs,
    packed: Arc<[u8]>,
    /// Bytes before packing.
    length: usize,
}

impl Flight {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            header: None,
            before: Before::new(limits.memory / 2),
            chunks: VecDeque::new(),
            packed: 0,
            open: Vec::with_capacity(2 * CHUNK),
            open_from: MonoNs(0),
            now: MonoNs(0),
            came: PerKind::default(),
            crowded_out: 0,
        }
    }

    /// Takes an entry.
    ///
    /// # Errors
    ///
    /// `InvalidData` for an entry that is longer than a reader takes, which is left out.
    pub fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        match entry {
            Entry::Header(header) => {
                self.header = Some((**header).clone());
                self.reach(MonoNs(header.at_ns));
                return Ok(());
            }
            Entry::Record(record) => count(&mut self.came, record),
            Entry::Turn(reached) if reached.records != Reached::END => self.reach(reached.records),
            Entry::Account(account) => self.reach(account.at),
            Entry::Clock(_)
            | Entry::Turn(_)
            | Entry::Answer(_)
            | Entry::Sighted { .. }
            | Entry::Translated { .. }
            | Entry::Device { .. }
            | Entry::Known(_)
            | Entry::End { .. } => {}
        }
        if self.open.is_empty() {
            self.open_from = self.now;
        }
        append(&mut self.open, entry)?;
        if self.open.len() >= CHUNK {
            self.seal()?;
        }
        Ok(())
    }

    /// Hears the time, and gives up what is too old by then.
    ///
    /// # Errors
    ///
    /// A chunk does not unpack, which would be a fault of ours.
    pub fn advance(&mut self, now: MonoNs) -> io::Result<()> {
        self.reach(now);
        if self.now.since(self.open_from) >= self.limits.keep_ns / 30 {
            self.seal()?;
        }
        self.give_up()
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.packed + self.open.len() + self.before.bytes()
    }

    /// Nanoseconds from the oldest entry that is kept to now.
    #[must_use]
    pub fn span_ns(&self) -> u64 {
        let first = self.chunks.front().map(|chunk| chunk.from);
        let open = (!self.open.is_empty()).then_some(self.open_from);
        let first = first.or(open).unwrap_or(self.now);
        self.now.since(first).min(self.limits.keep_ns)
    }

    /// Times that entries were given up for want of room before their time: pieces of the window,
    /// and sockets alive of which the beginning was.
    #[must_use]
    pub const fn crowded_out(&self) -> u64 {
        self.crowded_out + self.before.crowded_out()
    }

    /// Whether segments are among what is kept.
    #[must_use]
    pub fn is_capturing(&self) -> bool {
        let header = self.header.as_ref();
        header.is_some_and(|header| header.settings.answer_ns > 0)
    }

    /// Writes what is kept as a recording that can be told on its own, every ending of it; `how` is
    /// the word for why it ends, `None` where what is kept has one already.
    ///
    /// Counters of the kernel half are those of what is kept: emitted = received + lost.
    ///
    /// # Errors
    ///
    /// Those of `out`; or nothing was recorded yet.
    pub fn save<W: Write>(&self, out: W, how: Option<&str>) -> io::Result<W> {
        let header = self.header.clone();
        let mut header = header.ok_or_else(|| io::Error::other("nothing was recorded yet"))?;
        // Every ending that is in it is to be told.
        (header.settings.fin, header.settings.rst) = (true, true);
        (header.settings.count, header.settings.causes) = (None, Vec::new());
        let mut writer = Writer::new(out)?;
        writer.put(&Entry::Header(Box::new(header)))?;
        self.before.write(&mut writer)?;
        for chunk in &self.chunks {
            self.write(&chunk.unpack()?, &mut writer)?;
        }
        self.write(&self.open, &mut writer)?;
        if let Some(how) = how {
            let how = how.to_owned();
            writer.put(&Entry::End { how })?;
        }
        writer.finish()
    }

    /// Writes entries of the window.
    fn write<W: Write>(&self, chunk: &[u8], writer: &mut Writer<W>) -> io::Result<()> {
        for entry in entries(chunk) {
            let mut entry = entry.map_err(io::Error::other)?;
            if let Entry::Account(account) = &mut entry {
                **account = self.rebased(account);
            }
            writer.put(&entry)?;
        }
        Ok(())
    }

    /// An account without what is not kept.
    fn rebased(&self, account: &Account) -> Account {
        let before = self.before.account();
        let lost = before.map_or(PerKind::default(), |before| before.lost);
        let emitted = account.emitted.since(self.before.dropped());
        let missed = before.and_then(|before| before.missed).unwrap_or(0);
        Account {
            emitted: emitted.since(&lost),
            lost: account.lost.since(&lost),
            missed: account.missed.map(|all| all.saturating_sub(missed)),
            captured: account.captured.map(|captured| {
                before
                    .and_then(|before| before.captured)
                    .map_or(captured, |before| captured.since(&before))
            }),
            ..*account
        }
    }

    fn reach(&mut self, at: MonoNs) {
        self.now = self.now.max(at);
    }

    /// Packs the chunk that is being filled.
    fn seal(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let packed: Arc<[u8]> = zstd::bulk::compress(&self.open, LEVEL)?.into();
        self.packed += packed.len() + CHUNK_HEAD;
        self.chunks.push_back(Chunk {
            from: self.open_from,
            until: self.now,
            packed,
            length: self.open.len(),
        });
        self.open.clear();
        // What a single entry may have needed is not kept for ever.
        self.open.shrink_to(2 * CHUNK);
        self.give_up()
    }

    /// Gives up what is too old or too much.
    fn give_up(&mut self) -> io::Result<()> {
        loop {
            let oldest = self.now.before(self.limits.keep_ns);
            let crowded = self.memory() > self.limits.memory;
            let Some(chunk) = self.chunks.front() else {
                return Ok(());
            };
            let old = chunk.until < oldest;
            if !old && !crowded {
                return Ok(());
            }
            if !old {
                self.crowded_out += 1;
            }
            let entries = chunk.unpack()?;
            self.packed -= chunk.packed.len() + CHUNK_HEAD;
            self.chunks.pop_front();
            self.before.take(&entries)?;
        }
    }
}

impl Chunk {
    fn unpack(&self) -> io::Result<Vec<u8>> {
        zstd::bulk::decompress(&self.packed, self.length)
    }
}

/// Counts a record by its own word for what it is, believed or not.
pub(super) fn count(counts: &mut PerKind, record: &[u8]) {
    if let Some(kind) = kind(record) {
        counts.add(kind, 1);
    }
}

/// What a record says it is.
pub(super) fn kind(record: &[u8]) -> Option<Kind> {
    let (header, _) = RecordHeader::read_from_prefix(record).ok()?;
    Kind::from_wire(header.kind)
}
