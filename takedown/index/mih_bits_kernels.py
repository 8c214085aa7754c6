"""Three machine instructions that NumPy has no words for, for use inside other kernels.

Each is written as the compiler's own intermediate code, so it becomes the best that the processor has (one
vector instruction with AVX-512, several with less) and means the same everywhere.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: numba says nothing of these functions' types.
_code: Any = cgutils

#: Numbers that :data:`near_lanes` compares at once. It reads so many even where fewer are wanted.
LANES = 32


def _near_lanes(_typing: Any, array: Any, start: Any, value: Any, limit: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(ir.IntType(signature.args[0].dtype.bitwidth), LANES)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), kind.as_pointer())
        apart = builder.xor(builder.load(place, align=1), _spread(builder, kind, arguments[2]))
        name = f"llvm.ctpop.v{LANES}i{kind.element.width}"
        count = _code.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        near = builder.icmp_unsigned("<=", builder.call(count, [apart]), _spread(builder, kind, arguments[3]))
        return builder.zext(builder.bitcast(near, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(array, types.intp, array.dtype, array.dtype), generate


def _spread(builder: Any, kind: Any, value: Any) -> Any:
    """The same number in every lane."""
    nothing, number = ir.Constant(kind, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(nothing, value, number(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(number, LANES), [0] * LANES))


def _popcount(_typing: Any, word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _trailing_zeros(_typing: Any, word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), generate


#: ``near_lanes(array, start, value, limit)``: bit k of the answer says whether array[start + k] differs from
#: ``value`` in at most ``limit`` bits. Any unsigned array; ``value`` and ``limit`` of its type; unchecked.
near_lanes: Any = intrinsic(_near_lanes)

#: ``popcount(word)``: how many bits of a uint64 are set.
popcount: Any = intrinsic(_popcount)

#: ``trailing_zeros(word)``: the number of the lowest bit that is set in a uint64.
trailing_zeros: Any = intrinsic(_trailing_zeros)
