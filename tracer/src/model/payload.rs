//! How many bytes of payload a connection carried.

use super::{
    ending::{Ending, How, Transition},
    holder::Provenance,
    state::TcpState,
};

/// Bytes of payload, without the SYN and the FIN the kernel counts as one each (`tcp_snd_una_update`,
/// `tcp_rcv_nxt_update`, `net/ipv4/tcp_input.c`); `None` where the kernel's counters were not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Acknowledged by the peer; one too many where nobody saw that this end connected.
    pub sent: Option<u64>,
    /// Received in order, read or not.
    pub received: Option<u64>,
}

impl Ending {
    /// What the connection carried until its condition was read last.
    #[must_use]
    pub fn payload(&self) -> Payload {
        let last = &self.condition;
        let numbers = u64::from(self.connected()) + u64::from(self.fin_is_acknowledged());
        let fin = u64::from(last.fin_received == Some(true));
        Payload {
            sent: last.bytes_acked.map(|acked| acked.saturating_sub(numbers)),
            received: last
                .bytes_received
                .map(|received| received.saturating_sub(fin)),
        }
    }

    /// Whether this end sent the first SYN: of the other one the kernel counts from behind it.
    fn connected(&self) -> bool {
        let sent_syn = |it: &Transition| it.from == TcpState::SynSent;
        let owner = self.owner.as_ref().map(|owner| owner.from);
        self.states.iter().any(sent_syn) || owner == Some(Provenance::Connected)
    }

    /// Whether our FIN was sent and acknowledged when the condition was read last.
    fn fin_is_acknowledged(&self) -> bool {
        let last = &self.condition;
        let sent = self.acts.iter().find(|act| act.how == How::FinSent);
        let queued = match sent.and_then(|act| act.seq).zip(last.write_seq) {
            Some((fin, next)) => next == fin.wrapping_add(1),
            None => self.states.iter().any(|it| is_behind_fin(it.from)),
        };
        queued && last.unacked == Some(0)
    }
}

/// Whether a socket in this state has queued its FIN.
const fn is_behind_fin(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::TimeWait
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{ending::Act, socket::Condition, time::MonoNs},
        tests::arbitrary,
    };

    /// The kernel's counters of a connection that carried 5 bytes out and 7 in, and both FINs.
    fn counted(syn: u64) -> Condition {
        Condition {
            bytes_acked: Some(5 + syn + 1),
            bytes_received: Some(7 + 1),
            fin_received: Some(true),
            write_seq: Some(1_007),
            unacked: Some(0),
            ..Condition::default()
        }
    }

    fn went(path: &[(TcpState, TcpState)]) -> Vec<Transition> {
        let transition = |&(from, to)| Transition {
            at: MonoNs(1),
            from,
            to,
        };
        path.iter().map(transition).collect()
    }

    proptest! {
        /// Whatever else is known of an ending.
        #[test]
        fn neither_a_syn_nor_a_fin_is_payload(
            of in arbitrary::ending(),
            act in arbitrary::act(),
            knows_fin: bool,
        ) {
            use TcpState::{CloseWait, Close, Established, LastAck, SynRecv, SynSent};
            let fin = Act { how: How::FinSent, seq: Some(1_006), ..act };
            let end = [(CloseWait, LastAck), (LastAck, Close)];
            for (syn, begin) in [(1, SynSent), (0, SynRecv)] {
                let ending = Ending {
                    owner: None,
                    acts: if knows_fin { vec![fin.clone()] } else { Vec::new() },
                    states: went(&[&[(begin, Established)], &end[..]].concat()),
                    condition: counted(syn),
                    ..of.clone()
                };
                let payload = Payload { sent: Some(5), received: Some(7) };
                prop_assert_eq!(ending.payload(), payload);
                // Sent, and not acknowledged: the kernel counts one less.
                let condition = Condition {
                    bytes_acked: Some(5 + syn),
                    unacked: Some(1),
                    ..ending.condition
                };
                prop_assert_eq!(Ending { condition, ..ending.clone() }.payload(), payload);
                // Not queued yet.
                let condition = Condition { write_seq: Some(1_006), unacked: Some(0), ..condition };
                let states = went(&[(begin, Established), (CloseWait, LastAck)]);
                prop_assert_eq!(Ending { states, condition, ..ending }.payload(), payload);
            }
        }

        #[test]
        fn what_was_not_read_is_not_known(of in arbitrary::ending()) {
            let condition = Condition::default();
            prop_assert_eq!(Ending { condition, ..of }.payload(), Payload::default());
        }
    }
}
