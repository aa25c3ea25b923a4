//! What still matters of the time before the window: what the world said, and sockets that are alive.

use std::{
    collections::VecDeque,
    io::{self, Write},
};

use hashlink::LinkedHashMap;

use super::{
    kept::Kept,
    lives::Lives,
    window::{count, kind},
};
use crate::{
    decode::decode,
    model::{
        clock::Sample, foreign::Foreign, holder::Holder, known::KnownSocket, observation::What,
        segment::Passed, state::TcpState, stray::Tuple,
    },
    record::{Answer, Entry, Known, Writer, entries},
    tally::{Account, PerKind},
};

/// Devices, and translations of addresses, remembered each.
const NAMES: usize = 4096;
/// Exits of processes remembered: the statuses of those whose connections are still ending.
const EXITS: usize = 1024;
/// Sockets in one entry.
const SOCKETS: usize = 256;

/// What still matters.
#[derive(Clone)]
pub(super) struct Before {
    /// Bytes it may take.
    limit: usize,
    clock: Option<Sample>,
    account: Option<Account>,
    known: Known,
    devices: LinkedHashMap<(Option<u32>, u32), Foreign>,
    translated: LinkedHashMap<(u32, Tuple), Tuple>,
    /// Sockets older than the attach.
    older: LinkedHashMap<Name, KnownSocket>,
    /// Bytes of these.
    older_bytes: usize,
    exits: VecDeque<Kept>,
    lives: Lives,
    /// Records that are not kept any more.
    dropped: PerKind,
    crowded_out: u64,
}

/// What a socket of a look goes by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Cookie(u64),
    Inode(u64),
}

impl Before {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            clock: None,
            account: None,
            known: Known::default(),
            devices: LinkedHashMap::new(),
            translated: LinkedHashMap::new(),
            older: LinkedHashMap::new(),
            older_bytes: 0,
            exits: VecDeque::new(),
            lives: Lives::default(),
            dropped: PerKind::default(),
            crowded_out: 0,
        }
    }

    /// Takes what falls out of the window, and keeps of it what matters.
    pub(super) fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        for entry in entries(chunk) {
            self.take_one(entry.map_err(io::Error::other)?)?;
        }
        while let Some(forget) = self.known.surplus() {
            self.known.learn(forget);
        }
        while self.bytes() > self.limit && self.forget_one() {
            self.crowded_out += 1;
        }
        Ok(())
    }

    /// Bytes it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let exits: usize = self.exits.iter().map(Kept::bytes).sum();
        let names = (self.devices.len() + self.translated.len()) * size_of::<(Tuple, Tuple)>();
        self.known.bytes() + self.lives.bytes() + self.older_bytes + exits + names
    }

    /// The counters of the kernel half as they were.
    pub(super) const fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Records that came and are not kept.
    pub(super) const fn dropped(&self) -> &PerKind {
        &self.dropped
    }

    /// Sockets forgotten for want of room.
    pub(super) const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// Writes it, as the beginning of a recording.
    pub(super) fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        if let Some(clock) = self.clock {
            writer.put(&Entry::Clock(clock))?;
        }
        for (&(netns, index), name) in &self.devices {
            let name = name.clone();
            writer.put(&Entry::Device { netns, index, name })?;
        }
        for (&(netns, before), &after) in &self.translated {
            writer.put(&Entry::Translated {
                netns,
                before,
                after,
            })?;
        }
        for answer in self.known.answers() {
            writer.put(&Entry::Answer(answer))?;
        }
        let older: Vec<_> = self.older.values().cloned().collect();
        for part in older.chunks(SOCKETS) {
            writer.put(&Entry::Known(part.to_vec()))?;
        }
        let mut kept: Vec<_> = self.lives.kept().chain(&self.exits).collect();
        kept.sort_unstable_by_key(|kept| kept.order);
        kept.into_iter().try_for_each(|kept| kept.write(writer))
    }

    fn take_one(&mut self, entry: Entry<'_>) -> io::Result<()> {
        match entry {
            Entry::Record(record) => return self.record(record),
            Entry::Sighted { ref seen, .. } => {
                let ends = (seen.headers.source, seen.headers.destination);
                let kept = Kept::new(&entry, None)?;
                self.lives.passed(ends, kept);
            }
            // Of samples that agree the first is what moments are named by, live and told again.
            Entry::Clock(sample) if self.clock.is_some_and(|held| held.agrees(&sample)) => {}
            Entry::Clock(sample) => self.clock = Some(sample),
            Entry::Account(account) => self.account = Some(*account),
            Entry::Answer(answer @ (Answer::Process { .. } | Answer::Netns { .. })) => {
                self.known.learn(answer);
            }
            Entry::Device { netns, index, name } => {
                self.devices.insert((netns, index), name);
                bound(&mut self.devices);
            }
            Entry::Translated {
                netns,
                before,
                after,
            } => {
                self.translated.insert((netns, before), after);
                bound(&mut self.translated);
            }
            Entry::Known(sockets) => sockets.into_iter().for_each(|socket| self.older(socket)),
            // Said once, of what was told by then.
            Entry::Answer(Answer::Look { .. } | Answer::Stack { .. })
            | Entry::Turn(_)
            | Entry::Header(_)
            | Entry::End { .. } => {}
        }
        Ok(())
    }

    /// Keeps a record while the socket it is about is alive.
    fn record(&mut self, record: &[u8]) -> io::Result<()> {
        let kept = Kept::new(&Entry::Record(record), kind(record))?;
        let Ok(observation) = decode(record) else {
            count(&mut self.dropped, record);
            return Ok(());
        };
        let refused = match &observation.what {
            What::SegmentSeen(Passed { flow, .. }) => {
                self.lives.passed((flow.local, flow.remote), kept)
            }
            What::ProcessExited { .. } => {
                let kept = self.lives.numbered(kept);
                self.exits.push_back(kept);
                let full = self.exits.len() > EXITS;
                self.exits.pop_front_if(|_| full)
            }
            What::Destroyed {
                socket, condition, ..
            } => {
                let inode = condition.inode.map(|inode| Name::Inode(inode.into()));
                let cookie = socket.id.cookie.map(|it| Name::Cookie(it.get()));
                for name in inode.into_iter().chain(cookie) {
                    self.forget_older(name);
                }
                self.lives
                    .over(socket.id, observation.at, &mut self.dropped);
                Some(kept)
            }
            What::CloseCalled { .. }
            | What::ShutdownCalled { .. }
            | What::FinQueued { .. }
            | What::RstSent { .. }
            | What::StateChanged { .. }
            | What::RstReceived { .. }
            | What::FinRetransmitted { .. }
            | What::Accepted { .. }
            | What::HeldOpen { .. }
            | What::Queued { .. }
            | What::CloseAsked { .. } => {
                self.lives.happened(&observation, kept, &mut self.dropped);
                None
            }
            // They end nothing that lives on; names of stacks were asked for in the window, or never.
            What::RstAnswered { .. }
            | What::Stack(_)
            | What::ProcessExeced { .. }
            | What::ProcessForked { .. } => Some(kept),
        };
        if let Some(refused) = refused {
            refused.count(&mut self.dropped);
        }
        Ok(())
    }

    fn older(&mut self, socket: KnownSocket) {
        // Nothing tells when a stand-in goes; it does within a minute.
        if socket.state == TcpState::TimeWait {
            return;
        }
        let cookie = socket.cookie.map(|it| Name::Cookie(it.get()));
        let inode = socket.inode.map(|it| Name::Inode(it.get()));
        if let Some(name) = cookie.or(inode) {
            self.forget_older(name);
            self.older_bytes += weight(&socket);
            self.older.insert(name, socket);
        }
    }

    fn forget_older(&mut self, name: Name) {
        let socket = self.older.remove(&name);
        self.older_bytes -= socket.as_ref().map_or(0, weight);
    }

    /// Gives up the socket that was untouched for longest; false where there is none.
    fn forget_one(&mut self) -> bool {
        if self.lives.forget_oldest(&mut self.dropped) {
            return true;
        }
        let oldest = self.older.front().map(|(&name, _)| name);
        oldest.map(|name| self.forget_older(name)).is_some()
    }
}

fn bound<K: std::hash::Hash + Eq, V>(map: &mut LinkedHashMap<K, V>) {
    if map.len() > NAMES {
        map.pop_front();
    }
}

fn weight(socket: &KnownSocket) -> usize {
    size_of::<KnownSocket>() + 64 + socket.holders.len() * size_of::<Holder>()
}
