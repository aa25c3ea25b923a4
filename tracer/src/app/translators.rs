//! Asks the connection tracking of whatever namespace the hooks see a segment in.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use tracer_common::event::{Header, Kind};
use zerocopy::FromBytes as _;

use super::{translator::Translator, wire};
use crate::{
    decode::decode,
    enrich::{conntrack::Translation, facts::Facts, netns::NAMES, scan},
    model::{
        observation::{Observation, What},
        time::MonoNs,
    },
    packet::live::Namespace,
    pipeline::tap::Tapped,
};

const PROC: &str = "/proc";

/// Namespaces asked at most.
const LIMIT: usize = 256;

/// How often files of namespaces are looked for at most, in nanoseconds: that is a walk of `/proc`.
const LOOK_NS: u64 = 250_000_000;

/// The connection tracking of every namespace in which a segment was seen.
pub(super) struct Translators {
    /// Inode number of the namespace finrst runs in.
    own: Option<u32>,
    open: HashMap<u32, (PathBuf, Translator)>,
    /// Files that stand for namespaces, as of the last look.
    files: BTreeMap<u32, PathBuf>,
    /// When that was, by the time of the segment that led to it.
    looked: Option<MonoNs>,
}

impl Translators {
    pub(super) fn new() -> Self {
        Self {
            own: wire::netns(),
            open: HashMap::new(),
            files: BTreeMap::new(),
            looked: None,
        }
    }

    /// Tells what becomes of the tuple of the segment that a record is of, if it is of one.
    pub(super) fn notice(&mut self, record: &[u8], pipeline: &mut Tapped<impl Facts>) {
        let header = Header::read_from_prefix(record).ok();
        let kind = header.and_then(|(header, _)| Kind::from_wire(header.kind));
        if kind != Some(Kind::SegmentSeen) {
            return;
        }
        let Ok(Observation {
            at,
            what: What::SegmentSeen(passed),
            ..
        }) = decode(record)
        else {
            return;
        };
        let Some(netns) = passed.flow.netns else {
            return;
        };
        // Of a SYN nothing is asked: nearly all connections come to be.
        if passed.flags.opens() {
            return;
        }
        let headers = passed.seen().headers;
        let tuple = (headers.source, headers.destination);
        let translator = self.of(netns, at);
        if let Some(Translation { before, after }) = translator.and_then(|it| it.asked(tuple, at)) {
            pipeline.translated(netns, before, after);
        }
    }

    /// Lets go of namespaces that nothing leads to as it did: to ask one keeps it from going.
    pub(super) fn refresh(&mut self) {
        self.open
            .retain(|&netns, (file, _)| scan::inode(file) == Some(netns));
    }

    fn of(&mut self, netns: u32, now: MonoNs) -> Option<&mut Translator> {
        if !self.open.contains_key(&netns) {
            if self.open.len() >= LIMIT {
                return None;
            }
            let (file, namespace) = if Some(netns) == self.own {
                (Path::new(PROC).join("self/ns/net"), Namespace::Own)
            } else {
                let file = self.file(netns, now)?;
                (file.clone(), Namespace::File(file))
            };
            let translator = Translator::of(&namespace);
            self.open.insert(netns, (file, translator));
        }
        self.open.get_mut(&netns).map(|(_, translator)| translator)
    }

    /// A file that stands for a namespace now.
    fn file(&mut self, netns: u32, now: MonoNs) -> Option<PathBuf> {
        let stands = |file: &&PathBuf| scan::inode(file) == Some(netns);
        let known = self.files.get(&netns).filter(stands);
        let waits = |looked: MonoNs| now.since(looked) < LOOK_NS;
        if known.is_none() && !self.looked.is_some_and(waits) {
            self.files = scan::namespace_files(Path::new(PROC), Path::new(NAMES));
            self.looked = Some(now);
        }
        self.files.get(&netns).filter(stands).cloned()
    }
}
