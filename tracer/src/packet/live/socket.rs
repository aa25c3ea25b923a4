//! The packet socket: the calls that share no memory with the kernel.
#![expect(
    unsafe_code,
    reason = "packet sockets are opened through the C library"
)]

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::Path,
    thread,
};

use super::LiveError;

/// A packet socket.
pub(super) struct Socket(OwnedFd);

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl Socket {
    /// Opens a socket in the namespace of the calling thread; it receives nothing before it is
    /// bound.
    pub(super) fn open() -> Result<Self, LiveError> {
        // Packets without link headers, so that the filter finds IP at the same place on all
        // devices.
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes numbers; protocol zero receives nothing yet.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        done(fd).map_err(LiveError::Socket)?;
        // SAFETY: the kernel just made this descriptor for us.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Opens a socket in the namespace a file stands for, on a thread of its own.
    pub(super) fn open_inside(path: &Path) -> Result<Self, LiveError> {
        let refused = |source| LiveError::Namespace {
            path: path.to_owned(),
            source,
        };
        let enter_and_open = || {
            let file = File::open(path).map_err(refused)?;
            // SAFETY: takes a descriptor and a number; changes this short-lived thread alone.
            let entered = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
            done(entered).map_err(refused)?;
            Self::open()
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().spawn_scoped(scope, enter_and_open);
            match thread.map_err(refused)?.join() {
                Ok(opened) => opened,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Lets through only what the program does.
    pub(super) fn attach(&self, program: &[libc::sock_filter]) -> io::Result<()> {
        let program = libc::sock_fprog {
            len: u16::try_from(program.len()).map_err(io::Error::other)?,
            // The kernel copies it and writes nothing.
            filter: program.as_ptr().cast_mut(),
        };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Starts the capture, on a device or, with zero, on all.
    pub(super) fn bind(&self, index: u32) -> io::Result<()> {
        // SAFETY: plain integers, for which zero is valid.
        let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_ll>() };
        address.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
        address.sll_protocol = u16::try_from(libc::ETH_P_ALL)
            .map_err(io::Error::other)?
            .to_be();
        address.sll_ifindex = index.cast_signed();
        let length = length_of(&address)?;
        // SAFETY: the address is initialised, as long as we say, and outlives the call.
        let bound = unsafe { libc::bind(self.as_raw_fd(), (&raw const address).cast(), length) };
        done(bound)
    }

    /// Packets that passed the filter, and those of them dropped, since it was last asked.
    pub(super) fn statistics(&self) -> io::Result<(u32, u32)> {
        // SAFETY: plain integers, for which zero is valid.
        let mut counts = unsafe { std::mem::zeroed::<libc::tpacket_stats_v3>() };
        let name = libc::PACKET_STATISTICS;
        self.get(libc::SOL_PACKET, name, &mut counts)?;
        Ok((counts.tp_packets, counts.tp_drops))
    }

    /// What has happened to the socket, once.
    pub(super) fn error(&self) -> io::Result<()> {
        let mut error: libc::c_int = 0;
        self.get(libc::SOL_SOCKET, libc::SO_ERROR, &mut error)?;
        match error {
            0 => Ok(()),
            number => Err(io::Error::from_raw_os_error(number)),
        }
    }

    /// The index of a device in the namespace of the socket.
    pub(super) fn device_index(&self, name: &str) -> io::Result<u32> {
        let mut request = blank_request();
        // The last byte stays zero.
        if name.len() >= request.ifr_name.len() {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        self.ask(libc::SIOCGIFINDEX, &mut request)?;
        // SAFETY: the kernel filled in the index.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        Ok(index.cast_unsigned())
    }

    /// The name of a device in the namespace of the socket.
    pub(super) fn device_name(&self, index: u32) -> Option<String> {
        let mut request = blank_request();
        request.ifr_ifru.ifru_ifindex = index.cast_signed();
        self.ask(libc::SIOCGIFNAME, &mut request).ok()?;
        let name = request.ifr_name.map(libc::c_char::to_ne_bytes);
        let name: Vec<u8> = name
            .into_iter()
            .flatten()
            .take_while(|&byte| byte != 0)
            .collect();
        Some(String::from_utf8_lossy(&name).into_owned())
    }

    fn ask(&self, what: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: both requests read and write one `ifreq`, which is initialised and ours.
        done(unsafe { libc::ioctl(self.as_raw_fd(), what, &raw mut *request) })
    }

    /// Sets an option.
    pub(super) fn set<T>(&self, level: i32, name: i32, value: &T) -> io::Result<()> {
        let length = length_of(value)?;
        let value = std::ptr::from_ref(value).cast();
        // SAFETY: the value is initialised, as long as we say, and outlives the call.
        done(unsafe { libc::setsockopt(self.as_raw_fd(), level, name, value, length) })
    }

    /// `T` is plain integers, so that whatever the kernel writes is a value of it.
    fn get<T>(&self, level: i32, name: i32, value: &mut T) -> io::Result<()> {
        let mut length = length_of(value)?;
        let value = std::ptr::from_mut(value).cast();
        // SAFETY: the kernel writes no more than the length, which is that of the value.
        done(unsafe { libc::getsockopt(self.as_raw_fd(), level, name, value, &raw mut length) })
    }
}

fn blank_request() -> libc::ifreq {
    // SAFETY: `ifreq` is plain integers and byte arrays, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn length_of<T>(value: &T) -> io::Result<libc::socklen_t> {
    libc::socklen_t::try_from(size_of_val(value)).map_err(io::Error::other)
}
