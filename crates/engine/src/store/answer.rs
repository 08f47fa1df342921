//! What a progress callback answers: nothing, or whether the work goes on.

use std::ops::ControlFlow;

/// The answer of a progress callback: `()`, with which the work goes on, or a [`ControlFlow`], with which it can be stopped.
pub trait Answer: sealed::Sealed {
    /// Whether the work goes on.
    fn flow(self) -> ControlFlow<()>;
}

impl Answer for () {
    fn flow(self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Answer for ControlFlow<()> {
    fn flow(self) -> ControlFlow<()> {
        self
    }
}

mod sealed {
    use std::ops::ControlFlow;

    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for ControlFlow<()> {}
}
