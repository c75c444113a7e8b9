//! Bytes as plans of what may come.
//!
//! Read from the front, two bytes and what they ask for to each step, so that to insert, remove or repeat a piece of
//! the bytes does the same to the plan. One of the steps repeats those before it: a few bytes lead as deep as a life
//! of failures does.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::laws::{Frame, LAST, Op, Polls, Setup, What, When, Who};

/// The longest plan: what a run costs grows with it.
const MOST: usize = 400;

/// A machine, and what happens to it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) setup: Setup,
    pub(super) ops: Vec<Op>,
}

impl Plan {
    /// The same, tamed to what a model can follow: whole frames, in proper time, all taken out, after a first tick.
    pub(super) fn orderly(mut self) -> Self {
        self.setup.origin = self.setup.origin.min(1 << 40);
        let first = Op { when: When::Same, what: What::Tick, polls: Polls::All };
        let ops = core::mem::take(&mut self.ops).into_iter().map(|op| Op {
            when: match op.when {
                When::Later(wait) => When::Later(wait.min(1 << 40)),
                When::Back(back) => When::Back(back.min(1 << 32)),
                When::NearTheEnd(_) => When::Same,
                when => when,
            },
            what: match op.what {
                What::Data(who, mut frames, _) => {
                    frames.retain(|frame| !matches!(frame, Frame::Garbage(_)));
                    What::Data(who, frames, 0)
                }
                what => what,
            },
            polls: Polls::All,
        });
        self.ops = core::iter::once(first).chain(ops).collect();
        self
    }
}

impl Arbitrary<'_> for Plan {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let [guards, more, seed] = bytes.arbitrary::<[u8; 3]>()?;
        // The bits are those that are off, so that zeros are the machine as it comes.
        let setup = Setup {
            guards: core::array::from_fn(|guard| guards & (1 << guard) == 0),
            park: guards & 0x40 != 0,
            seed: seed.into(),
            origin: match more % 8 {
                0..=5 => 0,
                6 => u64::from(more) << 32,
                _ => LAST - 10_000_000 + (u64::from(more) << 17),
            },
        };
        let mut ops: Vec<Op> = Vec::new();
        while let (true, Ok(step)) = (ops.len() < MOST, Code::arbitrary(bytes)) {
            match step {
                Code::Op(op) => ops.push(op),
                Code::Repeat { back, times } => {
                    let from = ops.len().saturating_sub(back);
                    let motif = ops[from..].to_vec();
                    for _ in 0..times {
                        ops.extend(motif.iter().cloned());
                    }
                }
            }
        }
        ops.truncate(MOST);
        Ok(Self { setup, ops })
    }
}

/// A step of a plan as it is written, or the repetition of those before it.
enum Code {
    Op(Op),
    Repeat { back: usize, times: usize },
}

impl Arbitrary<'_> for Code {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> Result<Self> {
        if bytes.is_empty() {
            return Err(arbitrary::Error::NotEnoughData);
        }
        let [code, time] = bytes.arbitrary::<[u8; 2]>()?;
        if code % 64 >= 60 {
            let (back, times) = (1 + usize::from(code / 64) * 2, usize::from(time % 32));
            return Ok(Self::Repeat { back, times });
        }
        let polls = if code >= 0xC0 { Polls::Few(time % 4) } else { Polls::All };
        let when = when(time, bytes)?;
        let byte = bytes.arbitrary::<u8>()?;
        let what = match code % 64 {
            0..=13 => What::Onwards(byte),
            14..=16 => What::Tick,
            17..=21 => What::Head(Who::Latest, byte),
            22 => What::Head(who(byte), bytes.arbitrary()?),
            23..=29 => What::Data(Who::Latest, frames(byte, bytes)?, 0),
            30 => What::Data(who(byte), frames(byte, bytes)?, 0),
            31 => What::Data(Who::Latest, frames(byte, bytes)?, bytes.arbitrary()?),
            32..=34 => What::End(Who::Latest),
            35 => What::End(who(byte)),
            36..=37 => What::Failed(Who::Latest, byte),
            38 => What::Failed(who(byte), byte),
            39..=41 => What::Answer(Who::Latest, status(byte, bytes)?),
            42 => What::Answer(who(byte), status(bytes.arbitrary()?, bytes)?),
            43 => What::Lost(Who::Latest, byte),
            44 => What::Lost(who(byte), byte),
            45..=48 => What::Again(byte % 4 != 0),
            49..=51 => What::Hint(byte % 2 == 0),
            52..=54 => What::Offline(byte % 2 == 0),
            55..=57 => What::NewToken(byte),
            58 => What::Stop,
            _ => What::Cancel,
        };
        Ok(Self::Op(Op { when, what, polls }))
    }
}

fn when(time: u8, bytes: &mut Unstructured<'_>) -> Result<When> {
    /// Waits that mean something somewhere in the protocol, and those just beside them.
    const WAITS: [u64; 24] = [
        1, 500, 999, 1_000, 1_001, 2_500, 4_000, 9_999, 10_000, 10_001, 29_999, 30_000, 30_001,
        59_999, 60_000, 60_001, 75_000, 90_000, 300_000, 599_999, 600_000, 600_001, 3_600_000,
        5_400_000,
    ];
    Ok(match time {
        0..=95 => When::Same,
        96..=155 => When::Deadline([0, 0, 0, -1, 1][usize::from(time) % 5]),
        156..=227 => When::Later(WAITS[usize::from(time) % WAITS.len()]),
        228..=243 => When::Later(bytes.arbitrary::<u16>()?.into()),
        244..=246 => When::Later(bytes.arbitrary::<u32>()?.into()),
        247..=250 => When::Back(bytes.arbitrary::<u16>()?.into()),
        251 => When::Back(bytes.arbitrary()?),
        252..=253 => When::Later(bytes.arbitrary()?),
        _ => When::NearTheEnd(u64::from(bytes.arbitrary::<u32>()?) << 11),
    })
}

fn who(byte: u8) -> Who {
    [Who::Latest, Who::Before, Who::Next, Who::Zero, Who::Most, Who::Before][usize::from(byte) % 6]
}

fn status(byte: u8, bytes: &mut Unstructured<'_>) -> Result<u16> {
    Ok(match byte % 16 {
        0..=7 => 204,
        8 => 401,
        9..=10 => 409,
        11..=12 => 410,
        13 => 500,
        _ => bytes.arbitrary()?,
    })
}

fn frames(byte: u8, bytes: &mut Unstructured<'_>) -> Result<Vec<Frame>> {
    (0..=byte % 4).map(|_| frame(bytes)).collect()
}

fn frame(bytes: &mut Unstructured<'_>) -> Result<Frame> {
    let [code, kind] = bytes.arbitrary::<[u8; 2]>()?;
    Ok(match code % 16 {
        0..=4 => Frame::Hello(kind),
        5 => Frame::BadHello(kind),
        6..=7 => Frame::Wake(kind),
        8 => Frame::BadWake(kind),
        9..=10 => Frame::Comment,
        11 => Frame::Retry(kind),
        12 => Frame::Other(kind),
        13 => Frame::TooLong(kind % 2 == 0),
        _ => {
            let length = usize::from(kind % 32).min(bytes.len());
            Frame::Garbage(bytes.bytes(length)?.to_vec())
        }
    })
}
