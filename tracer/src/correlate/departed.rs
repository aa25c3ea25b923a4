//! Who owned the connections that are over: late segments still come for them.

use hashlink::LinkedHashMap;

use super::Correlator;
use crate::model::{
    ending::{EndId, Ending, Former, Owner},
    flow::Flow,
    holder::Provenance,
    process::{Confidence, Exit, Task},
    socket::Socket,
    time::MonoNs,
};

/// How long a tuple stays known: twice the time a `TIME_WAIT` lasts (`TCP_TIMEWAIT_LEN`,
/// `include/net/tcp.h`).
const KEPT_NS: u64 = 120_000_000_000;

/// Processes whose exit status is kept at most.
const EXITS: usize = 8_192;

/// What is left of connections that are over, and of processes.
#[derive(Debug)]
pub(super) struct Departed {
    by_flow: LinkedHashMap<Flow, Departure>,
    limit: usize,
    /// By pid and start, the oldest first.
    exits: LinkedHashMap<(u32, u64), Exit>,
}

/// What is left of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    /// What its ending went by.
    pub(super) id: EndId,
    /// Who owned it.
    pub(super) owner: Option<Owner>,
    /// When it was seen last.
    pub(super) at: MonoNs,
    /// How it ended; `None` when that was not seen.
    pub(super) ended: Option<Former>,
    /// When the kernel gave its socket up; `None` when that was not seen.
    pub(super) destroyed: Option<MonoNs>,
}

impl Departed {
    /// Room for `limit` connections.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_flow: LinkedHashMap::new(),
            limit: limit.max(1),
            exits: LinkedHashMap::new(),
        }
    }

    /// A connection is over. The one that was over first gives way, as in the kernel's own table
    /// of stand-ins; one older than [`KEPT_NS`] goes in any case.
    pub(super) fn remember(&mut self, former: Departure) {
        let flow = former.id.flow;
        self.by_flow.remove(&flow);
        self.by_flow.insert(flow, former);
        while let Some((_, oldest)) = self.by_flow.front() {
            if self.by_flow.len() <= self.limit && former.at.since(oldest.at) <= KEPT_NS {
                break;
            }
            self.by_flow.pop_front();
        }
    }

    /// The connection that had this tuple before, if that is not too long ago.
    pub(super) fn of(&self, flow: &Flow, now: MonoNs) -> Option<Departure> {
        let former = self.by_flow.get(flow)?;
        (now.since(former.at) <= KEPT_NS).then_some(*former)
    }

    /// Whether an event is of a socket that is over and told of: its record came late.
    pub(super) fn is_over(&self, socket: &Socket, at: MonoNs) -> bool {
        self.by_flow.get(&socket.flow).is_some_and(|former| {
            let same = former.id.socket.is_some_and(|id| id.may_be(socket.id));
            same && former.destroyed.is_some_and(|destroyed| at <= destroyed)
        })
    }

    /// A process ended.
    pub(super) fn exited(&mut self, task: &Task) {
        // The other threads of a process end with statuses of their own.
        let (Some(start), Some(exit), true) = (task.start_ns, task.exit, task.pid == task.tid)
        else {
            return;
        };
        self.exits.insert((task.pid, start), exit);
        if self.exits.len() > EXITS {
            self.exits.pop_front();
        }
    }

    /// How a process ended; `None` also while it lives.
    pub(super) fn exit_of(&self, task: &Task) -> Option<Exit> {
        task.exit
            .or_else(|| self.exits.get(&(task.pid, task.start_ns?)).copied())
    }
}

impl Correlator {
    /// Links the first ending of a socket to that of the connection whose tuple it took over.
    pub(super) fn succeed(&mut self, ending: &mut Ending) {
        if ending.after.is_some() || ending.socket.is_none() {
            return;
        }
        let departed = self.departed.of(&ending.flow, ending.first_seen);
        if let Some(before) = departed.filter(|it| it.at <= ending.first_seen) {
            ending.after = Some(before.id);
            ending.former = before.ended;
        }
    }
}

impl Departure {
    /// The owner as of a later event on the same tuple.
    pub(super) fn owner_later(&self) -> Option<Owner> {
        self.owner.map(|owner| Owner {
            confidence: Confidence::Likely,
            from: Provenance::Before,
            ..owner
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::tracked::Tracked;

    /// What `finrst catch --help` says of `--sockets`, links and room in the table included.
    #[test]
    fn a_connection_takes_two_kibibytes_open_and_half_a_one_when_it_is_over() {
        const LINKS: usize = 2 * size_of::<usize>();
        // A table is doubled when it is seven eighths full: at worst, a place takes this much.
        const PLACE: usize = (size_of::<usize>() + 1) * 16 / 7;
        let gone = size_of::<(Flow, Departure)>() + LINKS + PLACE;
        let open = size_of::<(u64, Tracked)>() + LINKS + PLACE;
        assert!(gone <= 512, "{gone} bytes");
        assert!(open <= 2_048, "{open} bytes");
    }
}
