#!/bin/sh
# Makes the images beside this script with independent tools. Run once; the results are committed.
# Needs: imagemagick, libjpeg-turbo-progs, webp, libimage-exiftool-perl, pngcrush.
set -eu
cd "$(dirname "$0")"

# Four quadrants: red and green above, blue and white below.
convert -size 60x40 xc:red xc:lime +append \( -size 60x40 xc:blue xc:white +append \) -append -depth 8 corners.ppm
# An image with as much detail as a photo.
convert -seed 7 -size 160x120 plasma:tomato-steelblue -depth 8 scene.ppm

# Each file stores its pixels turned or mirrored, so that the upright images all equal the corners above.
store() { convert corners.ppm $2 ppm:- | cjpeg -quality 95 -sample 1x1 > "orientation_$1.jpg"
          exiftool -q -overwrite_original -n -Orientation="$1" "orientation_$1.jpg"; }
store 1 ""
store 2 "-flop"
store 3 "-rotate 180"
store 4 "-flip"
store 5 "-transpose"
store 6 "-rotate 270"
store 7 "-transverse"
store 8 "-rotate 90"

cjpeg -quality 85 -baseline scene.ppm > baseline.jpg
jpegtran -copy none -progressive baseline.jpg > progressive.jpg
convert scene.ppm -colorspace Gray pgm:- | cjpeg -quality 85 > gray.jpg
convert corners.ppm -colorspace CMYK -quality 95 cmyk.jpg
python3 wide_gamut.py p3 > wide_gamut.icc
python3 wide_gamut.py adobe > adobe_rgb.icc
convert -size 60x40 xc:'rgb(200,100,50)' -quality 95 -sampling-factor 1x1 -profile wide_gamut.icc wide_gamut.jpg
convert -size 60x40 xc:'rgb(200,100,50)' -profile wide_gamut.icc wide_gamut.png
cwebp -quiet -lossless -metadata icc wide_gamut.png -o wide_gamut.webp

convert corners.ppm -depth 16 -define png:bit-depth=16 -define png:color-type=2 rgb16.png
convert corners.ppm -alpha set -channel A -evaluate set 50% +channel -define png:bit-depth=16 -define png:color-type=6 rgba16.png
convert corners.ppm -depth 16 -colorspace Gray -define png:bit-depth=16 -define png:color-type=0 gray16.png
convert corners.ppm -alpha set -fuzz 5% -transparent white PNG8:palette.png
convert corners.ppm -interlace PNG interlaced.png
convert scene.ppm scene.png && pngcrush -q -brute scene.png crushed.png && rm scene.png
convert corners.ppm -fuzz 5% -transparent white corners_alpha.png

cwebp -quiet -q 90 corners.ppm -o lossy.webp
convert corners.ppm c.png
cwebp -quiet -lossless c.png -o lossless.webp
cwebp -quiet -q 90 corners_alpha.png -o alpha.webp
convert corners.ppm -rotate 180 turned.png
img2webp -loop 0 -lossless -d 80 c.png turned.png -o animated.webp > /dev/null
rm -f c.png turned.png corners_alpha.png

# Everything private that a phone or a camera is known to write. Tests search the renditions for the canaries.
private() { exiftool -q -overwrite_original -n \
    -Make=Darkroom\ Works -Model="Darkroom Works  Mark II" -BodySerialNumber=CANARY-BODY -LensSerialNumber=CANARY-LENS \
    -OwnerName=CANARY-OWNER -Artist=CANARY-ARTIST -Copyright=CANARY-COPYRIGHT -UserComment=CANARY-COMMENT \
    -ImageUniqueID=CANARYUNIQUE -DateTimeOriginal="2024:07:09 18:30:05" -OffsetTimeOriginal=+02:00 \
    -GPSLatitude=48.2082 -GPSLatitudeRef=N -GPSLongitude=16.3738 -GPSLongitudeRef=E -GPSAltitude=171 \
    -GPSMapDatum=CANARY-DATUM -XMP-dc:Creator=CANARY-XMP -XMP-exif:GPSLatitude=48.2082 "$@"; }
cp baseline.jpg private.jpg && private -IPTC:By-line=CANARY-IPTC -Comment=CANARY-JFIF private.jpg
convert scene.ppm private.png && private -PNG:Comment=CANARY-TEXT private.png
cwebp -quiet -q 80 private.png -o private.webp && private private.webp
exiftool -q -overwrite_original -n "-ThumbnailImage<=orientation_1.jpg" private.jpg

# Capture times of clocks that were never set, or are wrong.
cp orientation_1.jpg zero_clock.jpg && exiftool -q -n -overwrite_original -DateTimeOriginal="0000:00:00 00:00:00" zero_clock.jpg
cp orientation_1.jpg future_clock.jpg && exiftool -q -overwrite_original -DateTimeOriginal="2999:01:01 00:00:00" future_clock.jpg
cp orientation_1.jpg no_zone.jpg && exiftool -q -overwrite_original -DateTimeOriginal="2019:02:03 04:05:06" -Make=Acme -Model=X1 no_zone.jpg
rm -f scene.ppm corners.ppm
