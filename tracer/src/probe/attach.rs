//! Loading and attaching one program, and saying why it did not work.

use std::io;

use aya::{
    Btf, Ebpf,
    programs::{
        BtfTracePoint, FEntry, KProbe, Program, ProgramError, RawTracePoint, SchedClassifier,
        TcAttachType, UProbe,
    },
};

use super::{devices::attach_to, way::Hook};

/// Why a program is not attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The object has no such program: it was built from other sources.
    #[error("the kernel object has no program {program}")]
    NoProgram {
        /// Its name.
        program: &'static str,
    },
    /// aya refused it, or the kernel did.
    #[error("cannot {what} {program} ({target})")]
    Refused {
        /// "load" or "attach".
        what: &'static str,
        /// The program.
        program: &'static str,
        /// What it was for.
        target: &'static str,
        /// The kernel's answer.
        #[source]
        source: Box<ProgramError>,
    },
}

impl AttachError {
    /// One line for users: the kernel's answer without the verifier's log.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::NoProgram { .. } => self.to_string(),
            Self::Refused { what, source, .. } => format!("{what}: {}", reason(source)),
        }
    }

    /// The verifier's log, empty when there is none.
    #[must_use]
    pub fn verifier_log(&self) -> String {
        if let Self::Refused { source, .. } = self
            && let ProgramError::LoadError { verifier_log, .. } = source.as_ref()
        {
            return verifier_log.to_string();
        }
        String::new()
    }
}

/// Loads `program` and attaches it to `target`; it stays attached until `object` is dropped.
///
/// # Errors
///
/// [`AttachError`]; the caller tries the next candidate.
pub fn attach(
    object: &mut Ebpf,
    btf: Option<&Btf>,
    hook: Hook,
    program: &'static str,
    target: &'static str,
) -> Result<(), AttachError> {
    let loaded = object
        .program_mut(program)
        .ok_or(AttachError::NoProgram { program })?;
    let refused = |what| {
        move |source: ProgramError| AttachError::Refused {
            what,
            program,
            target,
            source: Box::new(source),
        }
    };
    load(loaded, btf, hook, target).map_err(refused("load"))?;
    let attached = match hook {
        Hook::Fentry => <&mut FEntry>::try_from(loaded).and_then(|p| p.attach().map(drop)),
        Hook::Kprobe => <&mut KProbe>::try_from(loaded).and_then(|p| p.attach(target, 0).map(drop)),
        Hook::TypedTracepoint => {
            <&mut BtfTracePoint>::try_from(loaded).and_then(|p| p.attach().map(drop))
        }
        Hook::RawTracepoint => {
            <&mut RawTracePoint>::try_from(loaded).and_then(|p| p.attach(target).map(drop))
        }
        // Whether it can be done at all: the link goes at once, devices are followed elsewhere.
        Hook::Classifier => <&mut SchedClassifier>::try_from(loaded)
            .and_then(|p| attach_to(p, target, TcAttachType::Ingress).map(drop)),
        // Attached to each program as it is found.
        Hook::Uprobe => Ok(()),
    };
    attached.map_err(refused("attach"))
}

/// Hands the program to the verifier, unless an earlier attachment did.
fn load(
    program: &mut Program,
    btf: Option<&Btf>,
    hook: Hook,
    target: &str,
) -> Result<(), ProgramError> {
    if program.fd().is_ok() {
        return Ok(());
    }
    let no_btf = || {
        ProgramError::Btf(aya::BtfError::FileError {
            path: "/sys/kernel/btf/vmlinux".into(),
            error: io::ErrorKind::NotFound.into(),
        })
    };
    match hook {
        Hook::Fentry => <&mut FEntry>::try_from(program)?.load(target, btf.ok_or_else(no_btf)?),
        Hook::Kprobe => <&mut KProbe>::try_from(program)?.load(),
        Hook::TypedTracepoint => {
            <&mut BtfTracePoint>::try_from(program)?.load(target, btf.ok_or_else(no_btf)?)
        }
        Hook::RawTracepoint => <&mut RawTracePoint>::try_from(program)?.load(),
        Hook::Classifier => <&mut SchedClassifier>::try_from(program)?.load(),
        Hook::Uprobe => <&mut UProbe>::try_from(program)?.load(),
    }
}

/// The innermost cause, with what it usually means.
fn reason(error: &ProgramError) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(next) = source.source() {
        source = next;
    }
    let meaning = match source
        .downcast_ref::<io::Error>()
        .and_then(io::Error::raw_os_error)
    {
        Some(libc::EPERM) => " (refused by the kernel's configuration or a security policy)",
        Some(libc::ENOENT) => " (this kernel has no such facility or symbol)",
        Some(libc::EACCES | libc::EINVAL) => " (refused by the verifier or unknown to this kernel)",
        _ => "",
    };
    format!("{source}{meaning}")
}
