//! The word that the store has to say when a map fails: by then nothing but a signal handler runs.
//!
//! Invariants: the handler calls nothing but `write`, `sigaction` and `raise`, which may be called at any point of a program; it
//! ends in whatever the program, or the language's runtime, had done about the signal before, and so in the end of
//! the process unless somebody else catches it.
#![expect(
    unsafe_code,
    reason = "installing a signal handler cannot be expressed in safe Rust; the module is the safe interface"
)]

use std::ffi::{c_int, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What is said. Static text: a handler may not format.
const MESSAGE: &[u8] =
    b"pentad: SIGBUS: a file that is mapped into memory could not be read. Somebody else has cut it \
while it was open, or the device failed. `pentad --store DIR verify` says which file it \
is; restore that, or copy what is good with `pentad --store DIR repair NEW`.\n";

/// What was done about the signal before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Says on standard error what has happened when a mapped file cannot be read (SIGBUS), before the process ends by it.
///
/// The store reads its files through maps. When somebody else cuts such a file, or the device fails to read a page of it,
/// the system ends the process at the next access, and says `Bus error` at most. After this call it is also said
/// what that means and what to do. A program calls it once, early; further calls do nothing, and without any all is as
/// it would be.
///
/// What was installed for the signal before (the Rust runtime always has something, for stack overflows) is put back
/// before the access is tried again, so a handler of the program's own still gets the signal, after the message. One that is
/// installed later replaces this one. A signal that another process sends is passed on without a word.
///
/// # Panics
///
/// When the system refuses a handler for SIGBUS, which it has no reason for.
pub fn report_bus_errors() {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if BEFORE.get().is_some() {
        return;
    }
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = report;
    // SAFETY: a `sigaction` is plain data, for which all zeros are valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    // On the stack for signals, where the thread has one: the runtime's own handler is for stacks that overflowed.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: as above; the call that follows fills it in.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values. Asked for alone first: the handler needs the answer.
    let asked = unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut before) };
    assert_eq!(asked, 0, "the system says what is done about SIGBUS");
    BEFORE.get_or_init(|| before);
    // SAFETY: both pointers are to live values or null, and the handler keeps to what a handler may do (module invariant).
    let installed = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) };
    assert_eq!(installed, 0, "the system takes a handler for SIGBUS");
}

/// The handler.
extern "C" fn report(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the system hands a valid pointer to a handler with `SA_SIGINFO`.
    let is_sent = unsafe { (*info).si_code } <= 0;
    if !is_sent {
        // SAFETY: the message is live, and `write` may be called from a handler. What it answers changes nothing.
        unsafe { libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len()) };
    }
    if let Some(before) = BEFORE.get() {
        // SAFETY: the pointer is to a live value that `sigaction` itself filled in.
        unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
    }
    if is_sent {
        // Another process sent it: there is no access that is tried again, so the signal is sent on instead.
        // SAFETY: `raise` may be called from a handler.
        unsafe { libc::raise(signal) };
    }
}
