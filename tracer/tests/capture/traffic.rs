//! Real connections that end in every way a packet shows.
#![expect(
    unsafe_code,
    reason = "no library sets extension headers, or sends raw frames"
)]

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    time::Duration,
};

use socket2::{Domain, SockRef, Socket, Type};

use crate::netns::Netns;

/// Segments with FIN or RST that one round of `play` makes, each seen once.
pub(crate) const SEGMENTS: usize = 2 + 2 + 1 + 1;

/// Connects from `client` to `address` in `server`: a graceful close from either side, a reset, and
/// a port nobody listens on.
pub(crate) fn play(client: &Netns, server: &Netns, address: SocketAddr, rounds: usize) {
    for _ in 0..rounds {
        let listener = server.inside(|| TcpListener::bind((address.ip(), 0)).unwrap());
        let target = listener.local_addr().unwrap();
        let connect = || {
            let near = client.inside(|| TcpStream::connect(target).unwrap());
            let (far, _) = listener.accept().unwrap();
            (near, far)
        };
        let (near, far) = connect();
        close_in_turn(near, far);
        let (near, far) = connect();
        close_in_turn(far, near);
        let (near, mut far) = connect();
        SockRef::from(&near)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(near);
        // Waits for the RST.
        assert!(far.read(&mut [0]).is_err());
        // A process another test is about to start may hold a copy until it becomes its program.
        SockRef::from(&listener).shutdown(Shutdown::Both).unwrap();
        drop(listener);
        client.inside(|| TcpStream::connect(target).unwrap_err());
    }
}

/// Sends some bytes, closes, and lets the other end close when it has seen that.
fn close_in_turn(mut first: TcpStream, mut second: TcpStream) {
    first.write_all(b"some bytes").unwrap();
    drop(first);
    let mut rest = Vec::new();
    second.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 10);
}

/// A graceful close whose segments from the client have a destination options header.
pub(crate) fn play_with_options(netns: &Netns) {
    netns.inside(|| {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        // One option of padding: six bytes of it fill the header.
        let options: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];
        // SAFETY: the option is initialised, eight bytes long, and outlives the call.
        let set = unsafe {
            libc::setsockopt(
                near.as_raw_fd(),
                libc::IPPROTO_IPV6,
                libc::IPV6_DSTOPTS,
                (&raw const options).cast(),
                8,
            )
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
        close_in_turn(near, far);
    });
}

/// Sends an Ethernet frame as it is through a device of a namespace.
pub(crate) fn inject(netns: &Netns, device: u32, frame: &[u8]) {
    netns.inside(|| {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
        // SAFETY: plain integers, for which zero is valid.
        let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_ll>() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
        address.sll_ifindex = i32::try_from(device).unwrap();
        let length = u32::try_from(size_of_val(&address)).unwrap();
        // SAFETY: frame and address are as long as we say, and outlive the call.
        let sent = unsafe {
            libc::sendto(
                socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const address).cast(),
                length,
            )
        };
        assert_eq!(usize::try_from(sent), Ok(frame.len()));
    });
}
