//! Which sockets older than the attach a process filter wants: the map `HELD`, filled from a look.

use aya::maps::{HashMap, Map, MapData, MapError};
use tracer_common::settings::{FilterKey, filter};
use zerocopy::transmute;

use super::filter::Filters;

/// The map of cookies, and what says whose sockets are wanted.
pub struct Held {
    cookies: HashMap<MapData, u64, u8>,
    /// The kernel's own list, to which forks add.
    listed: HashMap<MapData, [u8; 8], u8>,
    by_pid: bool,
    comms: Vec<[u8; 16]>,
}

impl Held {
    /// Takes the maps over: `cookies` is `HELD`, `listed` is `FILTER`.
    ///
    /// # Errors
    ///
    /// A map is of another shape: the object was built from other sources.
    pub(super) fn new(cookies: Map, listed: Map, filters: &Filters) -> Result<Self, MapError> {
        Ok(Self {
            cookies: HashMap::try_from(cookies)?,
            listed: HashMap::try_from(listed)?,
            by_pid: filters.bits() & filter::PID != 0,
            comms: filters.comms.clone(),
        })
    }

    /// Whether a filter asks for processes at all.
    #[must_use]
    pub const fn by_process(&self) -> bool {
        self.by_pid || !self.comms.is_empty()
    }

    /// Whether a process is wanted; `comm` is its name, padded with zeros.
    #[must_use]
    pub fn wants(&self, pid: u32, comm: &[u8; 16]) -> bool {
        let key: [u8; 8] = transmute!(FilterKey {
            filter: filter::PID,
            value: pid,
        });
        let listed = || self.listed.get(&key, 0).is_ok();
        (!self.by_pid || listed()) && (self.comms.is_empty() || self.comms.contains(comm))
    }

    /// From now on events of the socket with this cookie are wanted, whoever acts.
    ///
    /// # Errors
    ///
    /// The map is full: of this socket is told what its owner does.
    pub fn put(&mut self, cookie: u64) -> Result<(), MapError> {
        self.cookies.insert(cookie, 1, 0)
    }
}
