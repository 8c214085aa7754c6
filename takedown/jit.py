"""Compiles the few hot loops. Only the modules whose names end in ``_kernels`` use it.

numba is an optional part: a module that has a kernel imports it with ``try`` / ``except ImportError`` and
keeps a plain NumPy way beside it, whose answers are the same to the bit.

Kernels release the interpreter's lock and start no threads of their own. numba's parallel loops are not
used: its default thread pool ends the process when two threads of a server call it at once, and does not
survive the fork of a task worker. Who wants all cores cuts the work and calls kernels from several threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])

#: numba says nothing of these functions' types.
_code: Any = cgutils


def kernel(function: F) -> F:
    """Compile a function at its first call, and keep the machine code on disk where that is possible.

    Division by zero and integer overflow behave as in NumPy; indexes are not checked. Floating-point
    operations stay in the order in which they are written, so that results are the same everywhere.
    """
    try:
        return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # no folder for the machine code: neither beside the source nor in the user's home
        return cast("F", njit(nogil=True, error_model="numpy")(function))


def _prefetch(_typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, numbers = signature.args[0], ir.IntType(32)
        parts = context.make_array(kind)(context, builder, arguments[0])
        place = _code.get_item_pointer(context, builder, kind, parts, [arguments[1]])
        pointer = builder.bitcast(place, _code.voidptr_t)
        hint = ir.FunctionType(ir.VoidType(), [_code.voidptr_t, numbers, numbers, numbers])
        # To read, to be kept in all caches, data: the three numbers as LLVM's manual defines them.
        function = _code.get_or_insert_function(builder.module, hint, "llvm.prefetch.p0")
        builder.call(function, [pointer, numbers(0), numbers(3), numbers(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


#: ``prefetch(array, index)``, in kernels only: ask memory for a place, without waiting. A loop that asks
#: for many places and then one that reads them wait once, where one loop alone would wait many times: a
#: processor keeps more such requests in flight than it looks ahead for reads. The index is not checked.
prefetch: Any = intrinsic(_prefetch)


def _invoke(_typing: Any, address: Any, arguments: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        given = list(_code.unpack_tuple(builder, values[1]))
        for at, kind in enumerate(arguments.types):
            if isinstance(kind, types.Array):
                place = context.make_array(kind)(context, builder, given[at]).data
                given[at] = builder.bitcast(place, _code.voidptr_t)
        function = ir.FunctionType(ir.IntType(32), [value.type for value in given]).as_pointer()
        return builder.call(builder.inttoptr(values[0], function), given)

    return types.int32(types.int64, arguments), generate


#: ``invoke(address, arguments)``, in kernels only: call a C function by its address, with a tuple. An array
#: is given as the address of its first item, a number as it is; the answer is an ``int``. Nothing is checked.
invoke: Any = intrinsic(_invoke)
