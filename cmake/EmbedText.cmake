# cmake -DINPUT=file -DOUTPUT=header.h -DNAME=kName -P: the file's text as a C++ constant.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "constexpr char ${NAME}[] = R\"text(${text})text\";\n")
