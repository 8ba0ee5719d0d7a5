"""Make reflect2 1.0.1 fit Go 1.18 and newer, in which `reflect.mapiterinit` takes the iterator.

Without it, encoding a map as JSON is undefined behaviour. Run in the directory of the package.
"""

from pathlib import Path

# As in Go's own package reflect.
HITER = """type hiter struct {
	key         unsafe.Pointer
	value       unsafe.Pointer
	t           unsafe.Pointer
	h           unsafe.Pointer
	buckets     unsafe.Pointer
	bptr        unsafe.Pointer
	overflow    *[]unsafe.Pointer
	oldoverflow *[]unsafe.Pointer
	startBucket uintptr
	offset      uint8
	wrapped     bool
	B           uint8
	i           uint8
	bucket      uintptr
	checkBucket uintptr
"""
DECLARATION = "func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer{}) *hiter"
CALL = """	return &UnsafeMapIterator{
		hiter:      mapiterinit(type2.rtype, *(*unsafe.Pointer)(obj)),"""
NEW_CALL = """	var it hiter
	mapiterinit(type2.rtype, *(*unsafe.Pointer)(obj), &it)
	return &UnsafeMapIterator{
		hiter:      &it,"""


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that has to be there."""
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"{path} is another version than expected")
    path.write_text(text.replace(old, new))


def main() -> None:
    """Patch both files."""
    link = Path("unsafe_link.go")
    replace(link, DECLARATION.format(""), DECLARATION.format(", it *hiter").removesuffix(" *hiter"))
    text = link.read_text()
    start = text.index("type hiter struct {")
    link.write_text(text[:start] + HITER + text[text.index("}", start) :])
    replace(Path("unsafe_map.go"), CALL, NEW_CALL)


if __name__ == "__main__":
    main()
