//! Files as PyTorch writes them, as it used to, as nobody should, and broken ones.

use std::path::Path;

use proptest::prelude::*;

use super::machine::MAX_STEPS;
use super::pickle::{Pickle, Value};
use super::*;

const LAYOUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/layouts");

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(LAYOUTS).join(name)).unwrap()
}

fn read(pickle: &[u8]) -> Result<Pickle<'_>, PytorchError> {
    Pickle::read(&mut Bytes::new(pickle))
}

/// BINUNICODE
fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [b"X", &length.to_le_bytes()[..], text.as_bytes()].concat()
}

/// A file of the old format: the pickle `object` and its storages, framed like torch.save does.
fn legacy_file(object: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".to_vec();
    file.extend([b"\x80\x02}", &text("little_endian")[..], b"\x88s."].concat());
    file.extend(object);
    file.extend(b"\x80\x02](");
    storages.iter().for_each(|(key, _)| file.extend(text(key)));
    file.extend(b"e.");
    for (_, numbers) in storages {
        file.extend((numbers.len() as u64).to_le_bytes());
        numbers.iter().for_each(|x| file.extend(x.to_le_bytes()));
    }
    file
}

/// The opcodes that make a tensor of `shape` from the six floats of storage "0".
fn tensor(shape: &[u8], strides: &[u8], n_rest: usize) -> Vec<u8> {
    let tuple = |items: &[u8]| {
        let items: Vec<u8> = items.iter().flat_map(|&item| [b'K', item]).collect();
        [b"(", &items[..], b"t"].concat()
    };
    let storage = [
        b"((",
        &text("storage")[..],
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x06NtQ",
    ];
    let rest = [&b"\x89"[..], b"ccollections\nOrderedDict\n)R", b"N"][..n_rest].concat();
    let rebuild = match n_rest {
        0 => &b"ctorch._utils\n_rebuild_tensor\n"[..],
        _ => b"ctorch._utils\n_rebuild_tensor_v2\n",
    };
    [rebuild, &storage.concat(), b"K\x00", &tuple(shape), &tuple(strides), &rest, b"tR"].concat()
}

/// The numbers of the only tensor of a state dict.
fn only(file: &[u8]) -> Result<Vec<f32>, PytorchError> {
    let tensors = tensors(file)?;
    let [tensor] = tensors.as_slice() else { panic!("{tensors:?}") };
    assert_eq!(tensor.name, "w");
    Ok(tensor.to_f32(file).unwrap().into_owned())
}

const SIX: &[(&str, &[f32])] = &[("0", &[0., 1., 2., 3., 4., 5.])];

#[test]
fn a_tensor_of_the_old_form_is_read() {
    for n_rest in [0, 2, 3] {
        let object = [b"\x80\x02}", &text("w")[..], &tensor(&[2, 3], &[3, 1], n_rest), b"s."];
        assert_eq!(only(&legacy_file(&object.concat(), SIX)).unwrap(), SIX[0].1);
    }
}

#[test]
fn a_transposed_tensor_comes_in_row_major_order() {
    let object = [b"\x80\x02}", &text("w")[..], &tensor(&[2, 3], &[1, 2], 2), b"s."];
    let numbers = only(&legacy_file(&object.concat(), SIX)).unwrap();
    assert_eq!(numbers, [0., 2., 4., 1., 3., 5.]);
}

#[test]
fn a_parameter_is_its_tensor() {
    let parameter =
        [b"ctorch._utils\n_rebuild_parameter\n(", &tensor(&[6], &[1], 2)[..], b"\x89}tR"].concat();
    let object = [b"\x80\x02}", &text("w")[..], &parameter, b"s."].concat();
    assert_eq!(only(&legacy_file(&object, SIX)).unwrap(), SIX[0].1);
}

#[test]
fn an_ordered_dictionary_of_python_2_is_read() {
    // OrderedDict([["w", tensor]]) with byte strings.
    let object =
        [b"\x80\x02ccollections\nOrderedDict\n(](](U\x01w", &tensor(&[6], &[1], 2)[..], b"eetR."];
    assert_eq!(only(&legacy_file(&object.concat(), SIX)).unwrap(), SIX[0].1);
}

#[test]
fn steps_of_protocol_4_are_read() {
    // A frame, then {"w": OrderedDict()} with MEMOIZE, SHORT_BINUNICODE and STACK_GLOBAL.
    let pickle =
        b"\x80\x04\x95\x2a\0\0\0\0\0\0\0}\x94\x8c\x01w\x94\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94s.";
    let pickle = read(pickle).unwrap();
    assert_eq!(pickle.objects, [vec![Value::Str("w"), Value::Dict(2)], vec![], vec![]]);
}

#[test]
fn integers_of_every_size_are_read() {
    let cases: [(&[u8], i64); 8] = [
        (b"K\xff.", 255),
        (b"M\xff\xff.", 65535),
        (b"J\xff\xff\xff\xff.", -1),
        (b"\x8a\x00.", 0),
        (b"\x8a\x01\x80.", -128),
        (b"\x8a\x02\x80\x00.", 128),
        (b"\x8a\x08\0\0\0\0\0\0\0\x80.", i64::MIN),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", i64::MAX),
    ];
    for (pickle, expected) in cases {
        assert_eq!(read(pickle).unwrap().root, Value::Int(expected));
    }
}

#[test]
fn a_pickle_that_calls_os_system_is_refused_by_name() {
    let shell = [b"\x80\x02cos\nsystem\n", &text("echo owned > /tmp/owned")[..], b"\x85R."];
    let stacked = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
    for pickle in [shell.concat(), stacked.to_vec()] {
        let error = tensors(&legacy_file(&pickle, &[])).unwrap_err();
        assert_eq!(error.to_string(), "pickle global `os.system` is refused: it could run code");
    }
}

#[test]
fn opcodes_that_make_objects_are_refused() {
    // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, NEXT_BUFFER.
    for opcode in [b'i', b'o', 0x81, 0x92, 0x82, b'P', 0x97] {
        let pickle = [0x80, 2, b')', opcode, b'.'];
        let error = read(&pickle).unwrap_err();
        assert!(matches!(error, PytorchError::Opcode { opcode: o, at: 3 } if o == opcode));
    }
}

#[test]
fn our_own_globals_take_only_what_a_state_dict_gives_them() {
    for pickle in [
        &b"ccollections\nOrderedDict\nK\x01\x85R."[..],
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"ctorch._utils\n_rebuild_parameter\nNNN\x87R.",
        b"ctorch\nFloatStorage\n)R.",
        b"K\x01K\x02K\x03\x87Q.",
        b"]}b.",
        b"}K\x01a.",
        b"]K\x01K\x02s.",
        b"}(K\x01u.",
        b"h\x00.",
        b"t.",
        b"(\x85.",
        b"K\x01(q\x00.",
        b".",
    ] {
        let error = read(pickle).unwrap_err();
        assert!(matches!(error, PytorchError::Pickle { .. }), "{pickle:?}: {error}");
    }
}

#[test]
fn what_is_no_state_dict_is_refused() {
    let refused = |object: &[u8]| tensors(&legacy_file(object, &[])).unwrap_err();
    assert!(matches!(refused(b"]."), PytorchError::NotAStateDict));
    assert!(matches!(refused(b"}K\x01K\x02s."), PytorchError::NotAStateDict));
    let error = refused(&[b"}", &text("epoch")[..], b"K\x02s."].concat());
    assert!(matches!(error, PytorchError::NotATensor { name } if name == "epoch"));
    let entry = [text("w"), tensor(&[6], &[1], 2), b"s".to_vec()].concat();
    let error = tensors(&legacy_file(&[b"}", &entry[..], &entry, b"."].concat(), SIX)).unwrap_err();
    assert!(matches!(error, PytorchError::TensorTwice { name } if name == "w"));
}

#[test]
fn a_tensor_that_is_larger_than_its_storage_is_refused() {
    // A stride of zero would make 255 x 255 numbers from one.
    for (shape, strides) in [([7, 1], [1, 1]), ([255, 255], [0, 0]), ([2, 3], [4, 1])] {
        let object = [b"}", &text("w")[..], &tensor(&shape, &strides, 2), b"s."].concat();
        let error = tensors(&legacy_file(&object, SIX)).unwrap_err();
        assert!(matches!(error, PytorchError::Tensor { name, .. } if name == "w"));
    }
}

#[test]
fn a_storage_that_says_more_than_the_file_has_is_refused() {
    let object = [b"}", &text("w")[..], &tensor(&[6], &[1], 2), b"s."].concat();
    let file = legacy_file(&object, SIX);
    let at = file.len() - 6 * 4 - 8;
    for n_elements in [7, 5, 1 << 62, u64::MAX] {
        let mut file = file.clone();
        file[at..at + 8].copy_from_slice(&u64::to_le_bytes(n_elements));
        tensors(&file).unwrap_err();
    }
}

#[test]
fn a_pickle_without_end_is_refused() {
    let error = read(&vec![b')'; MAX_STEPS + 1]).unwrap_err();
    assert!(matches!(error, PytorchError::TooLong { limit: MAX_STEPS }));
}

#[test]
fn a_million_tuples_in_each_other_are_no_danger() {
    let mut pickle = vec![0x85; MAX_STEPS - 10];
    pickle[0] = b')';
    pickle.push(b'.');
    assert!(matches!(read(&pickle).unwrap().root, Value::Tuple(_)));
}

#[test]
fn copies_of_a_long_list_are_paid_for() {
    // A list of 1000 pairs, converted to a dictionary again and again.
    let mut pickle = b"ccollections\nOrderedDict\nq\x00](".to_vec();
    (0..1000).for_each(|_| pickle.extend(b"NN\x86"));
    pickle.extend(b"eq\x01");
    (0..2000).for_each(|_| pickle.extend(b"h\x00h\x01\x85R"));
    assert!(matches!(read(&pickle).unwrap_err(), PytorchError::TooLong { .. }));
}

#[test]
fn a_file_of_something_else_is_refused() {
    for file in [&b""[..], b"P", b"version https://git-lfs.github.com/spec/v1\n", b"\x80\x02}."] {
        assert!(matches!(tensors(file).unwrap_err(), PytorchError::UnknownForm));
    }
}

#[test]
fn numbers_in_another_byte_order_are_refused() {
    let mut file = fixture("plain-bin/pytorch_model.bin");
    let at = file.windows(6).position(|bytes| bytes == b"little").unwrap();
    file[at..at + 6].copy_from_slice(b"bigbig");
    assert!(matches!(tensors(&file).unwrap_err(), PytorchError::ByteOrder));

    let mut file = legacy_file(b"}.", &[]);
    let at = file.iter().position(|&byte| byte == 0x88).unwrap();
    file[at] = 0x89;
    assert!(matches!(tensors(&file).unwrap_err(), PytorchError::ByteOrder));
}

#[test]
fn a_compressed_record_is_refused() {
    let mut file = fixture("plain-bin/pytorch_model.bin");
    let header = file.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    file[header + 10] = 8; // deflate, of data.pkl
    let error = tensors(&file).unwrap_err();
    assert!(matches!(error, PytorchError::RecordEncoded { name } if name == "data.pkl"));
}

#[test]
fn every_kind_of_file_has_the_same_numbers() {
    let expected = crate::weights::bits(&Path::new(LAYOUTS).join("plain/model.safetensors"));
    let tied = ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight");
    for file in ["plain-bin/pytorch_model.bin", "plain-bin-legacy/pytorch_model.bin"] {
        let mut found = crate::weights::bits(&Path::new(LAYOUTS).join(file));
        assert_eq!(found.remove(tied.0).as_ref(), found.get(tied.1));
        found.retain(|name, _| expected.contains_key(name));
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_that_is() {
    for name in ["plain-bin/pytorch_model.bin", "plain-bin-legacy/pytorch_model.bin"] {
        let file = fixture(name);
        for length in (0..file.len()).step_by(13).chain(file.len() - 300..file.len()) {
            assert!(tensors(&file[..length]).is_err(), "{name} cut to {length}");
        }
    }
}

/// Reads a file and, if that succeeds, all its numbers, which take no more bytes than the file.
fn read_all(file: &[u8]) {
    for tensor in tensors(file).unwrap_or_default() {
        if let Ok(numbers) = tensor.to_f32(file) {
            assert!(numbers.len() <= file.len());
        }
    }
}

/// Byte ranges of a file that are not weights: (from, to) at its start and at its end.
const STRUCTURE: [(&str, usize, usize); 3] = [
    ("plain-bin/pytorch_model.bin", 5500, 3200),
    ("plain-bin-legacy/pytorch_model.bin", 5900, 0),
    ("csr-bin/3_SparseAutoEncoder/pytorch_model.bin", 1800, 1000),
];

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x7f), Just(0x80)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn changed_bytes_never_panic(
        which in 0..STRUCTURE.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), byte()), 1..6),
    ) {
        let (name, head, tail) = STRUCTURE[which];
        let mut file = fixture(name);
        for (index, byte) in changes {
            let index = index.index(head + tail);
            let at = if index < head { index } else { file.len() - 1 - (index - head) };
            file[at] = byte;
        }
        read_all(&file);
    }

    #[test]
    fn changed_opcodes_never_panic(pickle in prop::collection::vec(opcode(), 0..80)) {
        let _ = read(&pickle.concat());
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
        read_all(&[b"PK\x03\x04", &bytes[..]].concat());
        read_all(&legacy_file(&bytes, SIX));
        let _ = read(&bytes);
    }
}

/// A random opcode that the machine knows.
fn opcode() -> impl Strategy<Value = Vec<u8>> {
    let steps: [&[u8]; 26] = [
        b"N",
        b"\x88",
        b"K\x06",
        b"M\x00\x01",
        b"J\xff\xff\xff\xff",
        b"\x8a\x09123456789",
        b"U\x01w",
        b"U\x07storage",
        b"U\x010",
        b"(",
        b")",
        b"]",
        b"}",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"a",
        b"e",
        b"s",
        b"u",
        b"q\x00",
        b"h\x00",
        b"Q",
        b"R",
        b"b",
    ];
    let globals: [&[u8]; 4] = [
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch\nFloatStorage\n",
    ];
    prop::sample::select([&steps[..], &globals].concat()).prop_map(<[u8]>::to_vec)
}
