//! The stack machine of pickles, with only the opcodes that `torch.save` writes.
//!
//! Memory is bounded: there are at most [`MAX_STEPS`] steps, and each either adds at most one value
//! or pays for what it copies with further steps. Strings stay in the file. Nothing is recursive.
//!
//! Source: the comments of Python's `pickletools.py`; the opcodes are those of `pickle.py`.

use std::collections::BTreeMap;

use super::PytorchError;
use super::bytes::Bytes;
use super::pickle::{Global, Pickle, Storage, Tensor, Value};

/// A tensor takes about 42 steps, so this suffices for 25,000 of them.
pub(super) const MAX_STEPS: usize = 1 << 20;

/// Maximum number of axes of a tensor. Weights have at most four.
const MAX_AXES: usize = 8;

pub(super) struct Machine<'a, 'b> {
    bytes: &'b mut Bytes<'a>,
    stack: Vec<Value<'a>>,
    /// Stack heights.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value<'a>>,
    made: Pickle<'a>,
    steps: usize,
    /// Offset of the current opcode, for errors.
    at: usize,
}

impl<'a, 'b> Machine<'a, 'b> {
    pub(super) fn new(bytes: &'b mut Bytes<'a>) -> Self {
        let made = Pickle {
            root: Value::None,
            objects: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
        };
        let (stack, marks, memo) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { bytes, stack, marks, memo, made, steps: 0, at: 0 }
    }

    pub(super) fn run(mut self) -> Result<Pickle<'a>, PytorchError> {
        loop {
            self.spend(1)?;
            self.at = self.bytes.position();
            match self.bytes.u8()? {
                b'.' => {
                    self.made.root = self.pop()?;
                    return Ok(self.made);
                }
                opcode => self.step(opcode)?,
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), PytorchError> {
        match opcode {
            // PROTO: the opcodes mean the same in every version. FRAME: a hint about buffering.
            0x80 => self.pass::<1>()?,
            0x95 => self.pass::<8>()?,

            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'K' => self.int(|b| b.u8())?,
            b'M' => self.int(|b| b.u16())?,
            b'J' => self.int(|b| Ok(i32::from_le_bytes(b.array()?)))?,
            0x8a => self.long()?,
            b'G' => {
                self.pass::<8>()?;
                self.stack.push(Value::Float);
            }

            // BINUNICODE, its short form, and the strings of Python 2.
            b'X' | b'T' => {
                let length = self.bytes.u32()?;
                self.text(usize::try_from(length).map_err(|_| PytorchError::Truncated)?)?;
            }
            0x8c | b'U' => {
                let length = self.bytes.u8()?;
                self.text(length.into())?;
            }

            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push_object(Value::Tuple, Vec::new()),
            b']' => self.push_object(Value::List, Vec::new()),
            b'}' => self.push_object(Value::Dict, Vec::new()),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_object(Value::Tuple, items);
            }
            0x85..=0x87 => {
                let items = self.pop_n(usize::from(opcode - 0x84))?;
                self.push_object(Value::Tuple, items);
            }
            b'a' => {
                let items = self.pop_n(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let items = self.pop_n(2)?;
                self.set_items(items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(items)?;
            }

            // BINPUT, LONG_BINPUT, MEMOIZE; BINGET, LONG_BINGET.
            b'q' => {
                let index = self.bytes.u8()?;
                self.memoize(index.into())?;
            }
            b'r' => {
                let index = self.bytes.u32()?;
                self.memoize(index)?;
            }
            0x94 => {
                let index = u32::try_from(self.memo.len()).expect("fewer than MAX_STEPS");
                self.memoize(index)?;
            }
            b'h' => {
                let index = self.bytes.u8()?;
                self.recall(index.into())?;
            }
            b'j' => {
                let index = self.bytes.u32()?;
                self.recall(index)?;
            }

            b'c' => {
                let module = self.utf8(|bytes| bytes.line())?;
                let name = self.utf8(|bytes| bytes.line())?;
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            0x93 => {
                let (Value::Str(name), Value::Str(module)) = (self.pop()?, self.pop()?) else {
                    return Err(self.broken("the name of a global is not a string"));
                };
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            b'Q' => self.persistent_id()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            opcode => return Err(PytorchError::Opcode { opcode, at: self.at }),
        }
        Ok(())
    }

    fn pass<const N: usize>(&mut self) -> Result<(), PytorchError> {
        self.bytes.array::<N>().map(|_| ())
    }

    fn int<T: Into<i64>>(
        &mut self,
        read: impl Fn(&mut Bytes<'a>) -> Result<T, PytorchError>,
    ) -> Result<(), PytorchError> {
        let value = read(self.bytes)?.into();
        self.stack.push(Value::Int(value));
        Ok(())
    }

    /// LONG1: a two's complement integer, preceded by its length in bytes.
    fn long(&mut self) -> Result<(), PytorchError> {
        let length = self.bytes.u8()?;
        let bytes = self.bytes.take(length.into())?;
        let value = match bytes.last() {
            Some(&last) if bytes.len() <= 8 => {
                let mut wide = [if last < 0x80 { 0 } else { 0xff }; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            Some(_) => Value::Long(bytes),
            None => Value::Int(0),
        };
        self.stack.push(value);
        Ok(())
    }

    fn text(&mut self, length: usize) -> Result<(), PytorchError> {
        let text = self.utf8(|bytes| bytes.take(length))?;
        self.stack.push(Value::Str(text));
        Ok(())
    }

    fn utf8(
        &mut self,
        read: impl Fn(&mut Bytes<'a>) -> Result<&'a [u8], PytorchError>,
    ) -> Result<&'a str, PytorchError> {
        str::from_utf8(read(self.bytes)?).map_err(|_| self.broken("a string is not UTF-8"))
    }

    fn push_object(&mut self, kind: fn(usize) -> Value<'a>, items: Vec<Value<'a>>) {
        self.stack.push(kind(self.made.objects.len()));
        self.made.objects.push(items);
    }

    fn append(&mut self, items: Vec<Value<'a>>) -> Result<(), PytorchError> {
        let Value::List(list) = self.top()? else {
            return Err(self.broken("a value is appended to something other than a list"));
        };
        self.made.objects[list].extend(items);
        Ok(())
    }

    fn set_items(&mut self, items: Vec<Value<'a>>) -> Result<(), PytorchError> {
        match self.top()? {
            Value::Dict(dict) if items.len().is_multiple_of(2) => {
                self.made.objects[dict].extend(items);
                Ok(())
            }
            Value::Dict(_) => Err(self.broken("a key has no value")),
            _ => Err(self.broken("an entry is added to something other than a dictionary")),
        }
    }

    fn memoize(&mut self, index: u32) -> Result<(), PytorchError> {
        let value = self.top()?;
        self.memo.insert(index, value);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), PytorchError> {
        let Some(&value) = self.memo.get(&index) else {
            return Err(self.broken("it recalls a value that it never memoized"));
        };
        self.stack.push(value);
        Ok(())
    }

    /// BINPERSID: ("storage", type, key, device, number of elements), and in the old form the
    /// view's metadata, which has been None since PyTorch 0.4.
    fn persistent_id(&mut self) -> Result<(), PytorchError> {
        let id = self.pop()?;
        let storage = match self.items(id)? {
            &[
                Value::Str("storage"),
                Value::Global(Global::Storage(dtype)),
                Value::Str(key),
                Value::Str(_),
                Value::Int(n_elements),
                ref view @ ..,
            ] if matches!(view, [] | [Value::None]) => {
                let n_elements = self.size(n_elements)?;
                Storage { key, dtype, n_elements }
            }
            _ => return Err(self.broken("a persistent id is not that of a storage")),
        };
        self.stack.push(Value::Storage(self.made.storages.len()));
        self.made.storages.push(storage);
        Ok(())
    }

    /// REDUCE: calls one of our globals.
    fn reduce(&mut self) -> Result<(), PytorchError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let arguments = self.items(arguments)?;
        match (function, arguments) {
            (Value::Global(Global::OrderedDict), &[]) => self.push_object(Value::Dict, Vec::new()),
            // As Python 2 writes it.
            (Value::Global(Global::OrderedDict), &[Value::List(pairs)]) => self.dict(pairs)?,
            (Value::Global(Global::RebuildTensor), arguments) => {
                let tensor = self.tensor(arguments)?;
                self.stack.push(Value::Tensor(self.made.tensors.len()));
                self.made.tensors.push(tensor);
            }
            // (tensor, requires_grad, backward_hooks)
            (Value::Global(Global::RebuildParameter), &[tensor @ Value::Tensor(_), _, _]) => {
                self.stack.push(tensor);
            }
            _ => return Err(self.broken("a function is called with the wrong arguments")),
        }
        Ok(())
    }

    /// Makes a dictionary from a list of pairs.
    fn dict(&mut self, pairs: usize) -> Result<(), PytorchError> {
        // The list can be used again, so copying it has to be paid for.
        self.spend(self.made.objects[pairs].len())?;
        let mut items = Vec::new();
        for &pair in &self.made.objects[pairs] {
            let (Value::Tuple(pair) | Value::List(pair)) = pair else {
                return Err(self.broken("a dictionary is made from something other than pairs"));
            };
            let &[key, value] = self.made.objects[pair].as_slice() else {
                return Err(self.broken("a dictionary is made from something other than pairs"));
            };
            items.extend([key, value]);
        }
        self.push_object(Value::Dict, items);
        Ok(())
    }

    /// (storage, offset, shape, strides), then requires_grad, backward_hooks and metadata. Metadata
    /// is empty unless the numbers must be negated or conjugated.
    fn tensor(&self, arguments: &[Value<'a>]) -> Result<Tensor, PytorchError> {
        let &[Value::Storage(storage), Value::Int(offset), shape, strides, ref rest @ ..] =
            arguments
        else {
            return Err(self.broken("a tensor is made from the wrong arguments"));
        };
        match *rest {
            [] | [_, _] | [_, _, Value::None] => {}
            [_, _, Value::Dict(metadata)] if self.made.objects[metadata].is_empty() => {}
            _ => return Err(self.broken("a tensor has metadata, which may change its numbers")),
        }
        let tensor = Tensor {
            storage,
            offset: self.size(offset)?,
            shape: self.sizes(shape)?,
            strides: self.sizes(strides)?,
        };
        if tensor.shape.len() != tensor.strides.len() {
            return Err(self.broken("a tensor does not have one stride per axis"));
        }
        Ok(tensor)
    }

    fn sizes(&self, tuple: Value<'a>) -> Result<Vec<usize>, PytorchError> {
        let items = self.items(tuple)?;
        if items.len() > MAX_AXES {
            return Err(self.broken("a tensor has more axes than any weight"));
        }
        let size = |&item| match item {
            Value::Int(n) => self.size(n),
            _ => Err(self.broken("a size is not an integer")),
        };
        items.iter().map(size).collect()
    }

    fn size(&self, n: i64) -> Result<usize, PytorchError> {
        usize::try_from(n).map_err(|_| self.broken("a size is negative"))
    }

    /// BUILD: sets attributes of an object. Those of a state dict (`_metadata`) record which
    /// version of a module's class wrote it.
    fn build(&mut self) -> Result<(), PytorchError> {
        match (self.pop()?, self.top()?) {
            (Value::Dict(_), Value::Dict(_)) => Ok(()),
            _ => Err(self.broken("attributes are set on something other than a dictionary")),
        }
    }

    /// The items of a tuple.
    fn items(&self, value: Value<'a>) -> Result<&[Value<'a>], PytorchError> {
        match value {
            Value::Tuple(tuple) => Ok(&self.made.objects[tuple]),
            _ => Err(self.broken("arguments are not a tuple")),
        }
    }

    /// The number of values above the last mark; those below are out of reach.
    fn n_free(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Value<'a>, PytorchError> {
        match self.stack.last() {
            Some(&value) if self.n_free() > 0 => Ok(value),
            _ => Err(self.broken("the stack is empty")),
        }
    }

    fn pop(&mut self) -> Result<Value<'a>, PytorchError> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    fn pop_n(&mut self, n: usize) -> Result<Vec<Value<'a>>, PytorchError> {
        if self.n_free() < n {
            return Err(self.broken("the stack is empty"));
        }
        Ok(self.stack.drain(self.stack.len() - n..).collect())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, PytorchError> {
        let Some(mark) = self.marks.pop() else {
            return Err(self.broken("there is no mark"));
        };
        // Not split_off, which may give each tuple capacity for the whole stack.
        Ok(self.stack.drain(mark..).collect())
    }

    fn spend(&mut self, steps: usize) -> Result<(), PytorchError> {
        self.steps = self.steps.saturating_add(steps);
        let limit = MAX_STEPS;
        if self.steps > limit { Err(PytorchError::TooLong { limit }) } else { Ok(()) }
    }

    fn broken(&self, what: &'static str) -> PytorchError {
        PytorchError::Pickle { at: self.at, what }
    }
}
