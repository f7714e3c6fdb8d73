// An upload through multer-s3 as its documentation has it: no hash, no look at the bytes, no row, no reading back.
const crypto = require('node:crypto')
const { S3Client } = require('@aws-sdk/client-s3')
const express = require('express')
const multer = require('multer')
const multerS3 = require('multer-s3')

const s3 = new S3Client({
  endpoint: process.env.S3_ENDPOINT_URL,
  region: process.env.AWS_REGION,
  forcePathStyle: true,
  // Older stores keep the trailing checksum of newer SDKs as bytes of the file.
  requestChecksumCalculation: 'WHEN_REQUIRED'
})
const key = (request, file, done) => done(null, `multer/${crypto.randomUUID()}`)
const storage = multerS3({ s3, bucket: process.env.S3_BUCKET, key })
const upload = multer({ storage, limits: { fileSize: 11 * 1024 * 1024, files: 1 } })

const application = express()
application.get('/', (request, response) => response.json({}))
application.post('/', upload.single('file'), (request, response) => response.status(201).json({ key: request.file.key }))
application.listen(Number(process.env.PORT), '127.0.0.1')
