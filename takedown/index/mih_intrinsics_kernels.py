"""Four machine instructions that NumPy has no words for, for use inside other kernels.

Each is written down as the compiler's own intermediate code, so it becomes the best the processor has (one
vector instruction with AVX-512, several with less) and means the same everywhere.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

#: Numbers that :func:`near_lanes` compares at once. It reads so many even where fewer are wanted.
LANES = 32


@intrinsic  # type: ignore[untyped-decorator]
def near_lanes(_context: Any, array: Any, at: Any, value: Any, limit: Any) -> Any:
    """Bit k of the answer says whether array[at + k] differs from ``value`` in at most ``limit`` bits."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(ir.IntType(signature.args[0].dtype.bitwidth), LANES)
        data = make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), kind.as_pointer())
        apart = builder.xor(builder.load(place, align=1), _spread(builder, kind, args[2]))
        name = f"llvm.ctpop.v{LANES}i{kind.element.width}"
        count = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        near = builder.icmp_unsigned("<=", builder.call(count, [apart]), _spread(builder, kind, args[3]))
        return builder.zext(builder.bitcast(near, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(array, types.intp, array.dtype, array.dtype), generate


@intrinsic  # type: ignore[untyped-decorator]
def popcount(_context: Any, _word: Any) -> Any:
    """How many bits of a uint64 are set."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def trailing_zeros(_context: Any, _word: Any) -> Any:
    """Number of the lowest bit that is set in a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_context: Any, array: Any, _at: Any) -> Any:
    """Ask for the cache line of array[at] without waiting for it; any place is allowed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, args[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        how = [ir.Constant(number, value) for value in (0, 3, 1)]  # to read, to keep, data
        builder.call(call, [builder.bitcast(builder.gep(data, [args[1]]), byte), *how])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def _spread(builder: Any, kind: Any, value: Any) -> Any:
    """The same number in every lane."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, nothing, everywhere)
