//! The frame of the socket diagnosis: its request and the messages of its answer
//! (`linux/netlink.h`). Total and pure.

use nix::errno::Errno;

use super::{
    DiagError,
    entry::{self, Fields},
};
use crate::model::known::KnownSocket;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const REQUEST_DUMP: u16 = 0x301;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
/// Bits of every state, `TCP_BOUND_INACTIVE` of Linux 6.8 included.
const EVERY_STATE: u32 = 0x3ffe;
/// Bytes of `struct nlmsghdr` and `struct inet_diag_req_v2`.
const REQUEST: usize = HEADER + 56;
const HEADER: usize = 16;
const TCP: u8 = 6;
/// The bit of an extension in a request: queues, timer and cookie come without one.
const WANTED: u8 = 1 << (entry::INFO - 1);

/// Asks for every TCP socket of a family, with its `struct tcp_info`.
pub(super) fn request(family: u8, sequence: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REQUEST);
    bytes.extend(u32::try_from(REQUEST).unwrap_or_default().to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_DUMP.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend([family, TCP, WANTED, 0]);
    bytes.extend(EVERY_STATE.to_ne_bytes());
    // `struct inet_diag_sockid`: any ends, any interface, any cookie.
    bytes.extend([0; 40]);
    bytes.extend(entry::NO_COOKIE.to_ne_bytes());
    bytes.extend(entry::NO_COOKIE.to_ne_bytes());
    bytes
}

/// Reads the answer to one request.
pub(super) struct Reader {
    /// The request's number.
    pub(super) sequence: u32,
    /// The namespace asked.
    pub(super) netns: Option<u32>,
}

impl Reader {
    /// Adds the sockets of one datagram; says whether the answer is complete.
    ///
    /// # Errors
    ///
    /// The kernel refused, or the datagram is not what it must be.
    pub(super) fn take(
        &self,
        datagram: &[u8],
        found: &mut Vec<KnownSocket>,
    ) -> Result<bool, DiagError> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let mut header = Fields(rest.get(..HEADER).ok_or(DiagError::Truncated("a header"))?);
            let length = header.u32()?;
            let kind = header.u16()?;
            let _flags = header.u16()?;
            let sequence = header.u32()?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length < HEADER {
                return Err(DiagError::Malformed("length"));
            }
            let body = rest
                .get(HEADER..length)
                .ok_or(DiagError::Truncated("a message"))?;
            // The last message of a datagram need not be padded.
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            if sequence != self.sequence {
                return Err(DiagError::Malformed("sequence number"));
            }
            match kind {
                NLMSG_NOOP => {}
                NLMSG_ERROR => return Err(refused(body)?),
                NLMSG_DONE => return done(body).map(|()| true),
                NLMSG_OVERRUN => return Err(DiagError::Malformed("order: records were lost")),
                BY_FAMILY => found.extend(entry::socket(body, self.netns)?),
                _ => return Err(DiagError::Malformed("type of message")),
            }
        }
        Ok(false)
    }
}

fn refused(body: &[u8]) -> Result<DiagError, DiagError> {
    let error = Fields(body).i32()?;
    Ok(DiagError::Refused(Errno::from_raw(error.saturating_neg())))
}

/// The end of a dump carries its result, in every kernel since 2.6; zero or nothing is success.
fn done(body: &[u8]) -> Result<(), DiagError> {
    match Fields(body).i32() {
        Ok(error) if error < 0 => Err(refused(body)?),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::entry::tests::sample, *};

    fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0, 0]);
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes
    }

    fn take(datagram: &[u8]) -> Result<(bool, usize), DiagError> {
        let mut found = Vec::new();
        let reader = Reader {
            sequence: 7,
            netns: Some(4),
        };
        let done = reader.take(datagram, &mut found)?;
        assert!(found.iter().all(|socket| socket.flow.netns == Some(4)));
        Ok((done, found.len()))
    }

    #[test]
    fn an_answer_is_complete_when_it_says_so() {
        let mut datagram = message(BY_FAMILY, 7, &sample());
        datagram.extend(message(BY_FAMILY, 7, &sample()));
        assert_eq!(take(&datagram).unwrap(), (false, 2));
        datagram.extend(message(NLMSG_DONE, 7, &[0; 4]));
        assert_eq!(take(&datagram).unwrap(), (true, 2));
    }

    #[test]
    fn every_truncation_is_an_error_and_none_panics() {
        let datagram = message(BY_FAMILY, 7, &sample());
        for length in 1..datagram.len() {
            assert!(take(&datagram[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_refusal_names_its_reason_even_at_the_end_of_a_dump() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let error = take(&message(kind, 7, &(-2_i32).to_ne_bytes())).unwrap_err();
            assert!(
                matches!(error, DiagError::Refused(Errno::ENOENT)),
                "{error}"
            );
        }
    }

    #[test]
    fn an_answer_to_somebody_else_and_a_length_that_goes_nowhere_are_refused() {
        assert!(take(&message(BY_FAMILY, 8, &sample())).is_err());
        let mut nowhere = message(NLMSG_NOOP, 7, &[]);
        nowhere[..4].copy_from_slice(&0_u32.to_ne_bytes());
        assert!(take(&nowhere).is_err());
    }

    #[test]
    fn a_request_is_as_long_as_it_says() {
        let bytes = request(2, 7);
        assert_eq!(bytes.len(), REQUEST);
        assert_eq!(bytes[..4], u32::try_from(REQUEST).unwrap().to_ne_bytes());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = take(&bytes);
        }

        #[test]
        fn no_damage_to_an_answer_makes_the_reader_panic(
            place in 0_usize..150,
            byte in any::<u8>(),
            cut in 0_usize..400,
        ) {
            let mut datagram = message(BY_FAMILY, 7, &sample());
            datagram.extend(message(BY_FAMILY, 7, &sample()));
            datagram[place] = byte;
            datagram.truncate(cut);
            if let Ok((_, found)) = take(&datagram) {
                prop_assert!(found <= 2);
            }
        }
    }
}
