//! Where a driver's machine is recorded, if it is: one call where inputs go in, one where actions come out.

#[cfg(feature = "serde")]
pub(super) use recorded::Journal;
#[cfg(not(feature = "serde"))]
pub(super) use unrecorded::Journal;

#[cfg(feature = "serde")]
mod recorded {
    use alloc::boxed::Box;

    use crate::action::Action;
    use crate::input::Input;
    use crate::journal::Recorder;
    use crate::time::Timestamp;
    use crate::watch::Watch;

    /// A recorder and where its lines go; or neither, which takes no room: most watches record nothing.
    pub(in crate::driver) struct Journal(Option<Box<Open>>);

    struct Open {
        recorder: Recorder,
        sink: Box<dyn FnMut(&str) + Send + Sync>,
    }

    impl Journal {
        pub(in crate::driver) const NONE: Self = Self(None);

        pub(in crate::driver) fn new(
            recorder: Recorder,
            sink: impl FnMut(&str) + Send + Sync + 'static,
        ) -> Self {
            Self(Some(Box::new(Open { recorder, sink: Box::new(sink) })))
        }

        pub(in crate::driver) fn input(
            &mut self,
            machine: &Watch,
            now: Timestamp,
            input: &Input<'_>,
        ) {
            if let Some(open) = &mut self.0 {
                open.recorder.input(machine, now, input);
                open.write();
            }
        }

        pub(in crate::driver) fn action(&mut self, action: &Action) {
            if let Some(open) = &mut self.0 {
                open.recorder.action(action);
                open.write();
            }
        }
    }

    impl Open {
        fn write(&mut self) {
            while let Some(line) = self.recorder.next_line() {
                (self.sink)(&line);
            }
        }
    }

    /// What a server has begun it will not finish: what is held of it is written with the end of the driver.
    impl Drop for Open {
        fn drop(&mut self) {
            self.recorder.finish();
            self.write();
        }
    }
}

#[cfg(not(feature = "serde"))]
mod unrecorded {
    use crate::action::Action;
    use crate::input::Input;
    use crate::time::Timestamp;
    use crate::watch::Watch;

    /// Nothing is recorded.
    pub(in crate::driver) struct Journal;

    impl Journal {
        pub(in crate::driver) const NONE: Self = Self;

        pub(in crate::driver) fn input(&mut self, _: &Watch, _: Timestamp, _: &Input<'_>) {}

        pub(in crate::driver) fn action(&mut self, _: &Action) {}
    }
}
